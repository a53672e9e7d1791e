"""What is written to an output folder is read back, whole, once and in order."""

import errno
import math
import os
import pickle
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy
import pyarrow as pa
import pyarrow.fs
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import results
from results import CURVES, SUMMARY, TRIALS, OutputError, OutputFolder, summarise
from results.parts import part_name
from results.rows import CurveRow, PackResult, TrialRow, curves_of, table_of_trials, trials_of
from results.schemas import CURVE_KEY, SCHEMA_VERSION, TRIAL_KEY
from results.storage import HadoopStorage, LocalStorage
from tests.typed_rows import packed

MakeTrial = Callable[..., TrialRow]
MakeCurve = Callable[..., CurveRow]

STUDY = "dimension=8,multiplication=false"
PACK = f"search pack 0 of {STUDY}"
VALUES = {
    pa.string(): st.text(),
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.float64(): st.floats(allow_nan=False, allow_infinity=False),
    pa.bool_(): st.booleans(),
    pa.timestamp("us", tz="UTC"): st.datetimes(
        datetime(1971, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)
    ),
}


def rows_of(schema: pa.Schema, key: tuple[str, ...], min_size: int) -> st.SearchStrategy[Any]:
    fixed = {"search": "quick", "study": STUDY, "phase": "search", "pack": 3}
    columns = {
        field.name: st.just(fixed[field.name])
        if field.name in fixed
        else VALUES[field.type] | st.none()
        if field.nullable
        else VALUES[field.type]
        for field in schema
    }
    return st.lists(
        st.fixed_dictionaries(columns),
        min_size=min_size,
        max_size=5,
        unique_by=lambda row: tuple(row[name] for name in key),
    )


def exact(value: Any) -> Any:
    """A value that is equal for equal bits alone."""
    return struct.pack("<d", value) if isinstance(value, float) else value


def values_of(rows: Sequence[TrialRow | CurveRow], schema: pa.Schema) -> list[list[Any]]:
    """Every value of the rows, sorted by their key."""
    values = [
        [
            exact(row.column(name) if isinstance(row, TrialRow) else getattr(row, name))
            for name in schema.names
        ]
        for row in rows
    ]
    return sorted(values, key=lambda row: row[:7])


@given(trials=rows_of(TRIALS, TRIAL_KEY, 1), curves=rows_of(CURVES, CURVE_KEY, 0))
@settings(deadline=None, max_examples=50)
def test_rows_are_read_back_exactly(
    tmp_path_factory: pytest.TempPathFactory,
    trial_row: MakeTrial,
    trials: list[dict[str, Any]],
    curves: list[dict[str, Any]],
) -> None:
    result = PackResult(
        trials=tuple(trial_row(**columns) for columns in trials),
        curves=tuple(CurveRow(**columns) for columns in curves),
    )
    folder = OutputFolder(tmp_path_factory.mktemp("out"))
    folder.write_pack(STUDY, "search", 3, result)
    sent = PackResult.from_arrow(result.to_arrow())
    assert sent == result
    for table, schema, key in (
        (folder.read_trials(), TRIALS, TRIAL_KEY),
        (folder.read_curves(), CURVES, CURVE_KEY),
    ):
        assert table.schema.equals(schema, check_metadata=True)
        keys = [tuple(row[name] for name in key) for row in table.to_pylist()]
        assert keys == sorted(set(keys))
    read = packed(trials_of(folder.read_trials()), curves_of(folder.read_curves()))
    for found in (read, sent):
        assert values_of(found.trials, TRIALS) == values_of(result.trials, TRIALS)
        assert values_of(found.curves, CURVES) == values_of(result.curves, CURVES)


@pytest.mark.parametrize("name", ["a b", "a%20b", "a#b?c", "é:ü", "a=1", "_hidden", ".hidden"])
def test_any_name_of_a_local_folder_is_taken_literally(
    tmp_path: Path, trial_row: MakeTrial, name: str
) -> None:
    folder = OutputFolder(str(tmp_path / name))
    folder.write_pack(STUDY, "search", 0, packed([trial_row()]))
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert folder.read_trials().num_rows == 1


def test_an_empty_folder_reads_as_empty_tables(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path / "out")
    assert folder.present(["spec.yaml", "trials"]) == []
    for table, schema in (
        (folder.read_trials(), TRIALS),
        (folder.read_curves(), CURVES),
        (folder.read_summary(), SUMMARY),
    ):
        assert table.num_rows == 0
        assert table.schema.equals(schema, check_metadata=True)
    assert not (tmp_path / "out").exists()


def write_packs(
    folder: OutputFolder,
    trial_row: MakeTrial,
    curve_row: MakeCurve,
    studies: tuple[str, ...] = ("dimension=1", "dimension=2"),
    packs: int = 3,
) -> None:
    for study in studies:
        for pack in range(packs):
            names = [{"study": study, "trial": 2 * pack + member} for member in (1, 0)]
            folder.write_pack(
                study,
                "search",
                pack,
                packed(
                    [trial_row(**name, pack=pack) for name in names],
                    [curve_row(**name, step=step) for name in names for step in (500, 250)],
                ),
            )


def test_many_parts_are_read_in_the_order_of_the_key(
    tmp_path: Path, trial_row: MakeTrial, curve_row: MakeCurve
) -> None:
    folder = OutputFolder(tmp_path)
    write_packs(folder, trial_row, curve_row, studies=("dimension=2", "dimension=1"))
    trials = folder.read_trials().select(["study", "trial", "pack"]).to_pydict()
    assert trials == {
        "study": ["dimension=1"] * 6 + ["dimension=2"] * 6,
        "trial": [0, 1, 2, 3, 4, 5] * 2,
        "pack": [0, 0, 1, 1, 2, 2] * 2,
    }
    curves = folder.read_curves()
    assert curves["step"].to_pylist() == [250, 500] * 12
    assert curves["trial"].to_pylist() == sorted([0, 1, 2, 3, 4, 5] * 2) * 2


def test_writing_a_pack_again_replaces_it(
    tmp_path: Path, trial_row: MakeTrial, curve_row: MakeCurve
) -> None:
    folder = OutputFolder(tmp_path)
    for worker in ("first", "second"):
        folder.write_pack(STUDY, "search", 0, packed([trial_row(worker=worker)], [curve_row()]))
    assert folder.read_trials()["worker"].to_pylist() == ["second"]
    assert folder.read_curves().num_rows == 1
    assert len(list((tmp_path / "trials").iterdir())) == 1


def test_times_are_kept_in_utc(tmp_path: Path, trial_row: MakeTrial) -> None:
    folder = OutputFolder(tmp_path)
    noon = datetime(2026, 6, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    folder.write_pack(STUDY, "search", 0, packed([trial_row(started_at=noon)]))
    assert folder.read_trials()["started_at"].to_pylist() == [datetime(2026, 6, 1, 10, tzinfo=UTC)]


def test_part_names_are_plain_and_distinct() -> None:
    assert part_name(STUDY, "search", 3).startswith("dimension-8-multiplication-false-")
    assert part_name(STUDY, "search", 3).endswith("-search-00003.parquet")
    studies = ["a=1,b=2", "a=1,b=3", "a=1-b=2", "", "_hidden=1", ".hidden=1", "é/..=1", "x" * 300]
    names = [part_name(study, "search", 0) for study in studies]
    assert len(set(names)) == len(names)
    for name in names:
        assert not set(name) & set("=,/ ")
        assert name[0] not in "_."
        assert len(name) < 128


def test_a_failing_write_leaves_nothing_and_can_be_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trial_row: MakeTrial, curve_row: MakeCurve
) -> None:
    folder = OutputFolder(tmp_path)

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.replace", fail)
        with pytest.raises(OutputError, match=r"must be writable; got .*No space.*; choose"):
            folder.write_pack(STUDY, "search", 0, packed([trial_row()], [curve_row()]))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert folder.read_trials().num_rows == folder.read_curves().num_rows == 0
    folder.write_pack(STUDY, "search", 0, packed([trial_row()], [curve_row()]))
    assert folder.read_trials().num_rows == 1


def test_curves_are_written_before_the_trials_that_make_a_pack_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trial_row: MakeTrial, curve_row: MakeCurve
) -> None:
    written = []
    monkeypatch.setattr(LocalStorage, "write", lambda _, name, content: written.append(name))
    OutputFolder(tmp_path).write_pack(
        STUDY, "search", 7, packed([trial_row(pack=7)], [curve_row()])
    )
    assert written == [f"{table}/{part_name(STUDY, 'search', 7)}" for table in ("curves", "trials")]


def test_a_killed_writer_leaves_whole_packs(
    tmp_path: Path, trial_row: MakeTrial, curve_row: MakeCurve
) -> None:
    program = (
        "import sys; from dataclasses import replace; from results import OutputFolder\n"
        "from results.rows import PackResult\n"
        "first = PackResult.from_arrow(sys.stdin.buffer.read())\n"
        "folder, study = OutputFolder(sys.argv[1]), sys.argv[2]\n"
        "for pack in range(100_000):\n"
        "    rows = (replace(r, pack=pack, trial=16 * pack + r.trial) for r in first.trials)\n"
        "    points = (replace(r, trial=16 * pack + r.trial) for r in first.curves)\n"
        "    result = PackResult(trials=tuple(rows), curves=tuple(points))\n"
        "    folder.write_pack(study, 'search', pack, result)\n"
    )
    rows = [trial_row(trial=number) for number in range(16)]
    curves = [curve_row(trial=number) for number in range(16)]
    with subprocess.Popen(
        [sys.executable, "-c", program, tmp_path, STUDY],
        stdin=subprocess.PIPE,
        cwd=Path(results.__file__).parents[1],
    ) as writer:
        assert writer.stdin
        writer.stdin.write(packed(rows, curves).to_arrow())
        writer.stdin.close()
        deadline = time.monotonic() + 60
        while len(list(tmp_path.glob("trials/[!_]*"))) < 20 and time.monotonic() < deadline:
            time.sleep(0.01)
        writer.kill()
    folder = OutputFolder(tmp_path)
    trials = folder.read_trials()["trial"].to_pylist()
    assert len(trials) >= 20 * 16
    assert trials == list(range(len(trials)))
    assert set(trials) <= set(folder.read_curves()["trial"].to_pylist())


def test_text_files(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path / "out")
    folder.write_text("spec.yaml", "name: naïve\n")
    assert folder.present(["none.json", "spec.yaml"]) == ["spec.yaml"]
    assert folder.read_text("spec.yaml") == "name: naïve\n"
    folder.write_text("spec.yaml", "name: b\n")
    assert (tmp_path / "out" / "spec.yaml").read_bytes() == b"name: b\n"
    with pytest.raises(OutputError, match=r"must be readable; got .*none\.json.*; check the name"):
        folder.read_text("none.json")


def test_the_summary_is_read_back(tmp_path: Path, trial_row: MakeTrial) -> None:
    folder = OutputFolder(tmp_path)
    table = summarise(table_of_trials([trial_row()]))
    folder.write_summary(table)
    assert folder.read_summary().equals(table)
    assert folder.read_summary().schema.equals(SUMMARY, check_metadata=True)
    with pytest.raises(ValueError, match="names"):
        folder.write_summary(table.drop_columns(["nmse"]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"trial": None}, "column trial of a row must not be null"),
        ({"trial": 1.5}, "types of the schema"),
        ({"trial": 2**63}, "types of the schema"),
        ({"loss": "low"}, "types of the schema"),
        ({"nmse": math.inf}, "must be finite, or null where nothing is known; got inf for nmse"),
        ({"scale": math.nan}, "must be finite, or null .*; got nan for scale"),
        ({"loss": numpy.float32("-inf")}, "must be finite, or null .*inf.* for loss"),
        ({"study": "dimension=9"}, f"rows of {PACK} must say so; got 'dimension=9'"),
        ({"pack": 1}, f"rows of {PACK} must say so; got 1"),
        ({"phase": "confirm"}, f"rows of {PACK} must say so; got 'confirm'"),
    ],
)
def test_rows_that_do_not_fit_are_refused(
    tmp_path: Path, trial_row: MakeTrial, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        OutputFolder(tmp_path / "out").write_pack(STUDY, "search", 0, packed([trial_row(**change)]))
    assert not (tmp_path / "out").exists()


def test_missing_rows_and_repeated_keys_are_refused(
    tmp_path: Path, trial_row: MakeTrial, curve_row: MakeCurve
) -> None:
    folder = OutputFolder(tmp_path)
    with pytest.raises(ValueError, match=f"must have a trial; got none for {PACK}"):
        folder.write_pack(STUDY, "search", 0, packed([]))
    for result in (
        packed([trial_row(), trial_row(worker="other")]),
        packed([trial_row()], [curve_row(), curve_row()]),
    ):
        with pytest.raises(ValueError, match="differ in their key"):
            folder.write_pack(STUDY, "search", 0, result)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("pack", [0, 2])
def test_every_part_is_checked(
    tmp_path: Path, trial_row: MakeTrial, pack: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Whether it sorts first or last: its version, its columns, its search, that it is Parquet."""
    folder = OutputFolder(tmp_path)
    folder.write_pack(STUDY, "search", 1, packed([trial_row(trial=1, pack=1)]))
    path = tmp_path / "trials" / part_name(STUDY, "search", pack)
    table = table_of_trials([trial_row(pack=pack)])
    pq.write_table(table.replace_schema_metadata({"schema_version": "99"}), path)
    with pytest.raises(
        OutputError, match=rf"version up to {SCHEMA_VERSION}; got 99 in {path}; read it with"
    ):
        folder.read_trials()
    pq.write_table(table.drop_columns(["nmse", "loss"]), path)
    with pytest.raises(OutputError, match=rf"{path} lacks loss, nmse; put the file back"):
        folder.read_trials()
    path.write_bytes(b"no parquet")
    assert folder.read_trials()["trial"].to_pylist() == [1]
    assert f"{path} is no Parquet file any more (" in caplog.text
    folder.write_pack(STUDY, "search", pack, packed([trial_row(pack=pack, search="another")]))
    with pytest.raises(OutputError, match=r"must hold one search; got 2 .*another \(in trials/dim"):
        folder.read_trials()
    folder.write_pack(STUDY, "search", pack, packed([trial_row(pack=pack)]))
    assert folder.read_trials().num_rows == 2


@pytest.mark.parametrize("name", ["mydata.parquet", "notes.csv", "folder"])
def test_a_file_that_is_no_part_is_named(tmp_path: Path, trial_row: MakeTrial, name: str) -> None:
    """pandas, reading the folder, would take it for one."""
    folder = OutputFolder(tmp_path)
    folder.write_pack(STUDY, "search", 0, packed([trial_row()]))
    theirs = tmp_path / "trials" / name
    if name == "folder":
        theirs.mkdir()
    else:
        pq.write_table(pa.table({"mine": [1]}), theirs)
    for use in (folder.read_trials, folder.compact):
        with pytest.raises(OutputError, match=rf"got {theirs}; move that file to another folder"):
            use()
    theirs.rename(tmp_path / name)
    assert folder.read_trials().num_rows == 1


def test_pickling_keeps_the_uri_alone(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path)
    folder.write_text("spec.yaml", "")
    copy = pickle.loads(pickle.dumps(folder))
    assert copy.uri == folder.uri
    assert copy.present(["spec.yaml"])


class Killed(BaseException):
    """Stands for a kill between two operations on files."""


@pytest.mark.parametrize("deleted_before_the_kill", [0, 1, 5, 6, 8, 11])
def test_no_row_is_missing_or_twice_when_compaction_is_killed(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    trial_row: MakeTrial,
    curve_row: MakeCurve,
    deleted_before_the_kill: int,
) -> None:
    monkeypatch.setattr("results.folder.COMPACT_ABOVE", 3)
    folder = OutputFolder(tmp_path)
    write_packs(folder, trial_row, curve_row)
    trials, curves = folder.read_trials(), folder.read_curves()
    delete = LocalStorage.delete
    left = iter(range(deleted_before_the_kill))

    def delete_or_die(storage: LocalStorage, name: str) -> None:
        if next(left, None) is None:
            raise Killed
        delete(storage, name)

    with monkeypatch.context() as patch:
        patch.setattr(LocalStorage, "delete", delete_or_die)
        with pytest.raises(Killed):
            folder.compact()
    assert folder.read_trials().equals(trials)
    assert folder.read_curves().equals(curves)
    monkeypatch.setattr("results.folder.COMPACT_ABOVE", 100)
    folder.compact()  # what was begun is ended at any number of parts
    if deleted_before_the_kill < 6:  # killed in the first table: the second is left as it was
        assert len(list((tmp_path / "curves").iterdir())) == 1
    else:
        assert len(list((tmp_path / "trials").iterdir())) == 1
    assert folder.read_trials().equals(trials)
    assert folder.read_curves().equals(curves)


def test_compaction_merges_only_many_parts(
    tmp_path: Path, trial_row: MakeTrial, curve_row: MakeCurve, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = OutputFolder(tmp_path)
    write_packs(folder, trial_row, curve_row)
    trials, curves = folder.read_trials(), folder.read_curves()
    folder.compact()
    assert len(list((tmp_path / "trials").iterdir())) == 6
    monkeypatch.setattr("results.folder.COMPACT_ABOVE", 5)
    folder.compact()
    assert [path.name for path in (tmp_path / "trials").iterdir()] == ["compacted.parquet"]
    assert [path.name for path in (tmp_path / "curves").iterdir()] == ["compacted.parquet"]
    folder.compact()
    assert folder.read_trials().equals(trials)
    assert folder.read_curves().equals(curves)


def test_a_part_that_vanishes_while_reading_is_looked_for_again(
    tmp_path: Path, trial_row: MakeTrial, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = OutputFolder(tmp_path)
    folder.write_pack(STUDY, "search", 0, packed([trial_row()]))
    listed = LocalStorage.visible_names
    vanished = f"trials/{part_name(STUDY, 'search', 1)}"
    stale = iter([[vanished]])
    monkeypatch.setattr(
        LocalStorage, "visible_names", lambda self, name: next(stale, None) or listed(self, name)
    )
    assert folder.read_trials().num_rows == 1
    monkeypatch.setattr(LocalStorage, "visible_names", lambda *_: [vanished])
    with pytest.raises(OutputError, match=rf"must be readable; got .*{vanished}"):
        folder.read_trials()


def test_on_hdfs_a_file_is_renamed_to_its_name(tmp_path: Path) -> None:
    (tmp_path / "trials").mkdir()
    storage = HadoopStorage(pyarrow.fs.LocalFileSystem(), str(tmp_path))
    for content in (b"first", b"second"):
        storage.write("trials/part.parquet", content)
        storage.write("spec.yaml", content)
        assert storage.read("trials/part.parquet") == storage.read("spec.yaml") == content
    assert os.listdir(tmp_path / "trials") == ["part.parquet"]
    storage.check_writable()
    assert sorted(os.listdir(tmp_path)) == ["spec.yaml", "trials"]
