"""What any version of the schema wrote stays readable.

`write_golden` wrote the folders golden/version-N: an output folder, and its rows as JSON. Write it
anew only for a new schema version, into a folder of its own, and keep the old ones:

    python tests/results_tests/test_golden_results.py
"""

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from results import CURVES, SUMMARY, TRIALS, OutputFolder, summarise
from results.parts import later_column
from results.rows import PackResult, curves_of, table_of_curves, table_of_trials, trials_of
from results.schemas import ADDED_COLUMNS, SCHEMA_VERSION

GOLDEN = Path(__file__).parent / "golden"
WAS_ALWAYS = {"initialisation": "torch", "model": "mlp"}
"""Values of columns that a later version added, in rows of before; the others are null there."""
STUDY = "dimension=8,multiplication=false"


def made_up_rows(schema: pa.Schema, count: int) -> list[dict[str, Any]]:
    """Make rows of which every value is another, nullable ones null in the last row."""
    rows = [
        {
            field.name: None
            if field.nullable and row == count - 1
            else made_up_value(field.type, row, column)
            for column, field in enumerate(schema)
        }
        for row in range(count)
    ]
    texts = {"search": "golden", "study": STUDY, "status": "completed", "phase": "search"}
    texts["layer_sizes"] = "64-32"
    chosen = {name: text for name, text in texts.items() if name in schema.names}
    return [row | chosen | {"trial": 2**62 + number} for number, row in enumerate(rows)]


def made_up_value(kind: pa.DataType, row: int, column: int) -> Any:
    """Make the value of one cell."""
    if kind == pa.int64():
        return 2**62 + 100 * column + row
    if kind == pa.float64():
        return 0.1 * column + row / 7
    if kind == pa.bool_():
        return bool(row % 2)
    if kind == pa.string():
        return f"text {column} of row {row}"
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(microseconds=1 + row)


def write_golden(folder: Path) -> None:
    """Write an output folder of one pack, with its rows as JSON beside the tables."""
    trials = [row | {"pack": 0} for row in made_up_rows(TRIALS, 3)]
    curves = made_up_rows(CURVES, 3)
    out = OutputFolder(folder)
    result = PackResult(
        trials=trials_of(pa.Table.from_pylist(trials, TRIALS)),
        curves=curves_of(pa.Table.from_pylist(curves, CURVES)),
    )
    out.write_pack(STUDY, "search", 0, result)
    out.write_summary(summarise(out.read_trials()))
    tables = {"trials": trials, "curves": curves, "summary": out.read_summary().to_pylist()}
    out.write_text("rows.json", json.dumps(tables, indent=1, default=datetime.isoformat) + "\n")


@pytest.mark.parametrize(
    "version",
    [f"version-{version}" for version in range(1, SCHEMA_VERSION + 1)],
)
def test_golden_files_are_read(tmp_path: Path, version: str) -> None:
    shutil.copytree(GOLDEN / version, tmp_path / version)
    folder = OutputFolder(tmp_path / version)
    read = {
        "trials": folder.read_trials(),
        "curves": folder.read_curves(),
        "summary": folder.read_summary(),
    }
    expected = json.loads(folder.read_text("rows.json"))
    for name, table in read.items():
        rows = json.loads(json.dumps(table.to_pylist(), default=datetime.isoformat))
        later = {
            each: WAS_ALWAYS.get(each)
            for each in table.column_names
            if each not in expected[name][0]
        }
        assert rows == [row | later for row in expected[name]]


def test_rows_of_the_latest_version_are_written_as_they_were_read() -> None:
    folder = OutputFolder(GOLDEN / f"version-{SCHEMA_VERSION}")
    trials, curves = folder.read_trials(), folder.read_curves()
    assert table_of_trials(trials_of(trials)).equals(trials)
    assert table_of_curves(curves_of(curves)).equals(curves)


def test_rows_of_an_earlier_version_have_nothing_where_a_column_came_later() -> None:
    folder = OutputFolder(GOLDEN / "version-1")
    rows = trials_of(folder.read_trials())
    assert [row.trial for row in rows] == folder.read_trials()["trial"].to_pylist()
    for row in rows:
        assert row.execution is row.column("weight_decay") is row.column("momentum") is None
    assert len(curves_of(folder.read_curves())) == folder.read_curves().num_rows


def test_a_column_that_came_later_has_the_default_where_it_would_have_been_read() -> None:
    rows = [
        ("adam", "planted", "dot", 0.9, "none", None),
        ("adamw", "table", "mlp", 0.9, "none", 0.0),
        ("adamw", "stream", "mlp", None, None, None),
        ("adagrad", "modes", "neumf", None, "none", 0.0),
        (None, "planted", None, None, None, None),  # of a study without a best trial
    ]
    optimizers, sources, models, *expected = zip(*rows, strict=True)
    table = pa.table({"optimizer": optimizers, "data": sources, "model": models})
    for name, values in zip(("beta_1", "y_range", "dropout"), expected, strict=True):
        assert later_column(table, TRIALS.field(name)).to_pylist() == [*values]


def test_the_latest_version_has_the_columns_of_its_golden_files() -> None:
    """A change of columns needs a new schema version."""
    for pattern, schema in (("trials/*", TRIALS), ("curves/*", CURVES), ("summary*", SUMMARY)):
        (path,) = (GOLDEN / f"version-{SCHEMA_VERSION}").glob(pattern)
        assert pq.read_schema(path).equals(schema, check_metadata=False)


@pytest.mark.parametrize("version", range(2, SCHEMA_VERSION + 1))
@pytest.mark.parametrize("pattern", ["trials/*", "curves/*", "summary*"])
def test_a_version_adds_the_columns_that_it_says(pattern: str, version: int) -> None:
    (before,), (after,) = (
        list((GOLDEN / f"version-{number}").glob(pattern)) for number in (version - 1, version)
    )
    added = set(pq.read_schema(after).names) - set(pq.read_schema(before).names)
    assert added <= ADDED_COLUMNS[version]


if __name__ == "__main__":
    write_golden(GOLDEN / f"version-{SCHEMA_VERSION}")
