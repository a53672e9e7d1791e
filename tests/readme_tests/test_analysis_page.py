"""docs/analysis.md, run on a small search, and docs/columns.md, as the schemas have it."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas
import pytest

from results import OutputFolder, load_trials, summarise
from search.planning.search_plan import SearchPlan
from tests.search_tests.studies import tiny, trained

DOCS = Path(__file__).parents[2] / "docs"
BLOCKS = re.findall(r"```python\n(.*?)```", (DOCS / "analysis.md").read_text(), re.DOTALL)


@pytest.fixture
def trials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pandas.DataFrame:
    """Of a search in `runs/quick`, below the folder that the test runs in."""
    monkeypatch.chdir(tmp_path)
    folder = OutputFolder("runs/quick")
    spec = tiny(
        grid={"dimension": [1, 2], "multiplication": [False, True]},
        fixed={"steps": 4, "batch_size": 8},
    )
    plan = SearchPlan(spec)
    while pack := plan.next_pack():
        result = trained(pack)
        folder.write_pack(*pack.key, result)
        plan.finish(pack.key, result)
    folder.write_summary(summarise(folder.read_trials()))
    return load_trials("runs/quick")


def test_every_answer_is_there_and_pandas_duckdb_and_polars_agree(
    trials: pandas.DataFrame,
) -> None:
    known: dict[str, Any] = {}
    for block in BLOCKS:
        exec(compile(block, "docs/analysis.md", "exec"), known)
    key = ["study", "phase", "trial", "replicate", "steps_factor"]
    read, expected = (
        frame.sort_values(key, ignore_index=True) for frame in (known["trials"], trials)
    )
    pandas.testing.assert_frame_equal(read, expected)
    completed = trials[(trials["phase"] == "search") & (trials["status"] == "completed")]
    lowest = completed.groupby("study")["nmse"].min()
    best = dict(zip(known["best"]["study"], known["best"]["nmse"], strict=True))
    assert best == lowest.to_dict()
    front = known["front"]
    for study, rows in front.groupby("study"):
        smaller = rows.sort_values("parameters")["nmse"].tolist()
        assert smaller == sorted(smaller, reverse=True), study
    gaps = known["gap"]
    exact = known["known"]["constructed_nmse"] == 0
    assert (gaps[exact] >= 1).all()


def test_the_columns_are_those_of_the_schemas() -> None:
    written = subprocess.run(
        [sys.executable, str(DOCS / "write_columns.py")], capture_output=True, text=True, check=True
    ).stdout
    assert written == (DOCS / "columns.md").read_text()
