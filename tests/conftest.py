"""Which tests may run beside which: those of one cluster never do, nor those of one file."""

import os

import pytest
from hypothesis import settings

# Ray's workers would be nicer than all else: beside another test's computing they would hardly run.
os.environ.setdefault("RAY_worker_niceness", "0")


# How long an example takes says how busy the machine is.
settings.register_profile("dottune", deadline=None)
settings.load_profile("dottune")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Group the tests for `--dist loadgroup`: what shares costly fixtures stays in one process."""
    for item in items:
        in_clusters = "cluster_tests" in item.path.parts
        group = "cluster_tests" if in_clusters else item.path.stem
        item.add_marker(pytest.mark.xdist_group(group))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what the fault battery has done to its searches."""
    counts: dict[str, int] = {}
    tried = 0
    for reports in terminalreporter.stats.values():
        for report in reports:
            found = dict(getattr(report, "user_properties", ()))
            if getattr(report, "when", "") == "call" and "rows lost" in found:
                tried += 1
                for name in ("rows lost", "rows doubled"):
                    counts[name] = counts.get(name, 0) + found[name]
    if tried:
        told = ", ".join(f"{name}: {count}" for name, count in counts.items())
        terminalreporter.write_line(f"faults tried: {tried}, {told}")
