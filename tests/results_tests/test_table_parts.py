"""Tables read study by study, and merged as a search goes."""

import random
import threading
from collections.abc import Callable
from pathlib import Path

import pandas
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from results import OutputFolder
from results.parts import COMPACTED, is_merged, later_column
from results.rows import CurveRow, TrialRow
from results.schemas import SUMMARY, TRIALS
from tests.typed_rows import packed

MakeTrial = Callable[..., TrialRow]
MakeCurve = Callable[..., CurveRow]

STUDIES = ("dimension=1", "dimension=10", "dimension=2")


def write(
    folder: OutputFolder, trial_row: MakeTrial, curve_row: MakeCurve, study: str, pack: int
) -> None:
    """A pack of two trials with two evaluations each."""
    trials = [trial_row(study=study, pack=pack, trial=2 * pack + each) for each in (0, 1)]
    curves = [
        curve_row(study=study, trial=row.trial, step=step) for row in trials for step in (5, 10)
    ]
    folder.write_pack(study, "search", pack, packed(trials, curves))


@given(
    packs=st.lists(st.tuples(st.sampled_from(STUDIES), st.integers(0, 6)), min_size=1, max_size=20),
    merge_after=st.sets(st.integers(0, 19)),
    compact_at_last=st.booleans(),
)
@settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_rows_are_the_same_however_often_parts_were_merged(
    packs: list[tuple[str, int]],
    merge_after: set[int],
    compact_at_last: bool,
    trial_row: MakeTrial,
    curve_row: MakeCurve,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """A pack may also be written again after it was merged, as one that was retried is."""
    root = tmp_path_factory.mktemp("folders")
    merging, plain = OutputFolder(root / "merging"), OutputFolder(root / "plain")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("results.folder.COMPACT_ABOVE", 2)
        for index, (study, pack) in enumerate(packs):
            write(merging, trial_row, curve_row, study, pack)
            write(plain, trial_row, curve_row, study, pack)
            if index in merge_after:
                merging.compact_packs()
        if compact_at_last:
            merging.compact()
            left = [*(root / "merging" / "trials").iterdir()]
            assert len(left) <= 2
    assert merging.read_trials().equals(plain.read_trials())
    assert merging.read_curves().equals(plain.read_curves())
    expected = plain.read_trials()
    parts = merging.trials_by_study()
    assert parts.studies == sorted({study for study, _ in packs})
    for study in (*STUDIES, "not=there"):
        of_study = expected.filter(pa.compute.field("study") == study)
        assert parts.of(study).equals(of_study)
        assert parts.of(study, ["nmse", "trial"]).equals(of_study.select(["nmse", "trial"]))
    assert parts.all(["trial"]).equals(expected.select(["trial"]))


def with_four_packs(path: Path, trial_row: MakeTrial, curve_row: MakeCurve) -> OutputFolder:
    """The folder, after four packs of a study have been written to it."""
    folder = OutputFolder(path)
    for pack in range(4):
        write(folder, trial_row, curve_row, STUDIES[0], pack)
    return folder


def test_a_damaged_part_is_not_merged_and_stays(
    tmp_path: Path, trial_row: MakeTrial, curve_row: MakeCurve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("results.folder.COMPACT_ABOVE", 2)
    folder = with_four_packs(tmp_path, trial_row, curve_row)
    (damaged,) = (tmp_path / "curves").glob("*-00002.parquet")
    damaged.write_bytes(b"PAR1")
    folder.compact_packs()
    for table in ("trials", "curves"):
        names = {path.name for path in (tmp_path / table).iterdir()}
        assert damaged.name in names
        assert len(names) == 2
        assert any(map(is_merged, names))
    assert folder.read_trials().num_rows == 8
    assert set(folder.read_curves()["trial"].to_pylist()) == {0, 1, 2, 3, 6, 7}


def test_a_merged_file_that_is_damaged_goes_with_the_last_merge(
    tmp_path: Path, trial_row: MakeTrial, curve_row: MakeCurve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By then its packs were trained again; pandas, which reads the folder, must not find it."""
    monkeypatch.setattr("results.folder.COMPACT_ABOVE", 2)
    folder = with_four_packs(tmp_path, trial_row, curve_row)
    expected = folder.read_trials()
    folder.compact_packs()
    (merged,) = (tmp_path / "trials").iterdir()
    merged.write_bytes(merged.read_bytes()[:100])
    assert OutputFolder(tmp_path).read_trials().num_rows == 0
    with_four_packs(tmp_path, trial_row, curve_row).compact()
    assert [path.name for path in (tmp_path / "trials").iterdir()] == [COMPACTED]
    assert OutputFolder(tmp_path).read_trials().equals(expected)
    assert len(pandas.read_parquet(tmp_path / "trials")) == 8


def test_a_reader_sees_every_row_once_while_parts_are_merged(
    tmp_path: Path, trial_row: MakeTrial, curve_row: MakeCurve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("results.folder.COMPACT_ABOVE", 3)
    folder = OutputFolder(tmp_path)
    written = 0
    done = threading.Event()

    def work() -> None:
        nonlocal written
        for pack in range(60):
            write(folder, trial_row, curve_row, random.choice(STUDIES), pack)
            written = pack + 1
            OutputFolder(tmp_path).compact_packs()
        done.set()

    worker = threading.Thread(target=work)
    worker.start()
    try:
        while not done.is_set():
            before = written
            table = OutputFolder(tmp_path).read_trials()
            packs = table["pack"].to_pylist()
            assert set(packs) >= set(range(before))
            assert len(packs) == 2 * len(set(packs))
    finally:
        worker.join()
    assert folder.read_trials().num_rows == 120


@pytest.mark.parametrize("schema", [TRIALS, SUMMARY])
def test_a_later_hyperparameter_is_its_default_where_model_and_data_read_it(
    schema: pa.Schema,
) -> None:
    """So that a search of before is gone on with; the last row is a summary's, without a best."""
    rows = {
        "optimizer": ["adam", "sgd", "adam", "adamw", None],
        "model": ["mlp", "neumf", "dot", "mlp", None],
        "data": ["planted", "table", "modes", "stream", "table"],
    }
    column = later_column(pa.table(rows), schema.field("dropout"))
    assert column.to_pylist() == [0.0, 0.0, None, None, None]
