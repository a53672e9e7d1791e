"""docs/embeddings.md: its program prints what its comments say, and its specs are understood."""

import re
import subprocess
import sys
from pathlib import Path

import yaml

from search.table_facts import with_table_facts
from spaces import load_spec

PROJECT = Path(__file__).parents[2]
PAGE = (PROJECT / "docs" / "embeddings.md").read_text()


def test_the_program_prints_what_the_page_says() -> None:
    (program,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    printed = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=PROJECT
    ).stdout
    expected = re.findall(r"^print\(.*\)  # (.*)$", program, re.MULTILINE)
    assert len(expected) == 5
    assert printed.splitlines() == expected


def test_the_table_that_is_made_up_is_one_that_the_preset_takes(tmp_path: Path) -> None:
    table = tmp_path / "ratings.csv"
    subprocess.run([sys.executable, PROJECT / "docs" / "write_ratings.py", table], check=True)
    spec = with_table_facts(load_spec("ratings", overrides=[f"task.table={table}"]))
    assert (spec.task.pairs, spec.task.users) == (80_000, 943)
    assert 1_600 < int(spec.task.items or 0) <= 1_682


def test_the_specs_of_the_page_are_understood() -> None:
    specs = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    names = [load_spec(yaml.safe_load(text)).name for text in specs]
    assert names == ["planted", "mine"]
