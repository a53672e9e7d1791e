"""`pandas.read_parquet("<out>/trials")` is the whole API for reading."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from results import CURVES, TRIALS, OutputFolder
from results.rows import CurveRow, TrialRow
from results.schemas import SCHEMA_VERSION
from tests.typed_rows import packed

MakeTrial = Callable[..., TrialRow]
MakeCurve = Callable[..., CurveRow]


def test_pandas_reads_what_was_written(
    tmp_path: Path, trial_row: MakeTrial, curve_row: MakeCurve
) -> None:
    out = tmp_path / "dimension=5"  # a folder's name must not become a column's value
    folder = OutputFolder(out)
    studies = ["dimension=8,multiplication=false", "dimension=8,multiplication=true"]
    for study in studies:
        rows = [
            trial_row(study=study),
            trial_row(study=study, trial=1, status="diverged", nmse=None),
        ]
        folder.write_pack(study, "search", 0, packed(rows, [curve_row(study=study)]))
    for table in ("trials", "curves"):
        (out / table / "_part.parquet.0123").write_bytes(b"half a fi")
        (out / table / "_half.parquet").write_bytes(b"half a fi")

    trials = pd.read_parquet(out / "trials")
    assert list(trials.columns) == TRIALS.names
    assert trials["study"].tolist() == [studies[0]] * 2 + [studies[1]] * 2
    assert trials["dimension"].tolist() == [8] * 4
    assert trials["initialisation_seed"].dtype == "int64"
    assert trials["initialisation_seed"].tolist() == [2**63 - 1] * 4
    assert trials["nmse"].isna().tolist() == [False, True] * 2
    assert trials["started_at"].dt.tz is not None
    key = ["study", "trial", "phase", "replicate", "steps_factor"]
    assert not trials.duplicated(key).any()
    ours = folder.read_trials().to_pandas()
    pd.testing.assert_frame_equal(trials.sort_values(key, ignore_index=True), ours)

    curves = pd.read_parquet(out / "curves")
    assert list(curves.columns) == CURVES.names
    assert not curves.duplicated([*key, "step"]).any()


def test_descriptions_and_version_are_in_the_files(
    tmp_path: Path, trial_row: MakeTrial, curve_row: MakeCurve
) -> None:
    out = OutputFolder(tmp_path)
    result = packed([trial_row()], [curve_row()])
    out.write_pack("dimension=8,multiplication=false", "search", 0, result)
    for table, schema in (("trials", TRIALS), ("curves", CURVES)):
        (part,) = (tmp_path / table).iterdir()
        written = pq.read_schema(part)
        assert written.metadata[b"schema_version"] == str(SCHEMA_VERSION).encode()
        for field in schema:
            description = written.field(field.name).metadata[b"description"]
            assert description == field.metadata[b"description"]
