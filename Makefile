# Everything a newcomer needs: make run, make test. `make help` lists the rest.
PYTHON ?= python3
BIN := .venv/bin
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
PYTEST := $(BIN)/pytest --numprocesses 2 --dist loadgroup
BENCHMARKS := $(sort $(wildcard benchmarks/bench_*.py))

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: run test check format bench clean help

run: .venv/.installed ## Search with the preset quick (a quarter of a minute); results go to runs/
	@out=runs/quick; \
	if [ -e "$$out" ]; then out="$$out-$$(date +%Y%m%d-%H%M%S)"; fi; \
	$(BIN)/dottune run quick --out "$$out"

test: .venv/.installed-dev ## Run the tests
	$(PYTEST)

check: .venv/.installed-dev ## Check format, lint, types and import contracts, then run the tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(PYTEST)

format: .venv/.installed-dev ## Format the code and apply the lint's safe fixes
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/.installed-bench ## Run the benchmarks (benchmarks/bench_*.py; half an hour)
	@for script in $(BENCHMARKS); do $(BIN)/python "$$script" || exit 1; done

clean: ## Remove the caches and .venv; runs/ is kept
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis dist
	find search trainables spaces cluster results tests -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The stamps: installed again when the dependencies change. A .venv that works is kept.
.venv/.installed: pyproject.toml constraints.txt
	$(make_environment)
	$(PIP_INSTALL) --editable .
	@touch $@

.venv/.installed-dev: pyproject.toml constraints.txt
	$(make_environment)
	$(PIP_INSTALL) --editable ".[dev]"
	@touch .venv/.installed $@

.venv/.installed-bench: .venv/.installed-dev
	$(PIP_INSTALL) --editable ".[dev,bench]"
	@touch $@

define make_environment
@$(BIN)/python -m pip --version >/dev/null 2>&1 || { \
	$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("dottune needs Python 3.11 or later, this is %d.%d; try: make PYTHON=python3.12" % sys.version_info[:2])' \
	&& $(PYTHON) -m venv --clear .venv; }
@echo "installing into .venv"
endef
