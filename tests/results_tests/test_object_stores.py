"""An output folder in S3, over real HTTP."""

import pickle
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pandas as pd
import pytest
import s3fs

from results import OutputError, OutputFolder, summarise
from results.rows import CurveRow, TrialRow, trials_of
from tests.object_store import object_store
from tests.typed_rows import packed

MakeTrial = Callable[..., TrialRow]
MakeCurve = Callable[..., CurveRow]

STUDY = "dimension=8,multiplication=false"


@pytest.fixture(scope="module")
def store() -> Iterator[Any]:
    """Serve S3, with the environment set as a user would; give a boto3 client."""
    with object_store() as served, served.found():
        client = boto3.client("s3")
        yield client
        client.close()


@pytest.fixture
def folder(store: Any, request: pytest.FixtureRequest) -> OutputFolder:
    return OutputFolder(f"s3://bucket/runs/{request.node.name}")


def files(store: Any, folder: OutputFolder) -> list[str]:
    """List the objects of a folder, markers of folders left out."""
    prefix = folder.uri.removeprefix("s3://bucket/") + "/"
    found = store.list_objects_v2(Bucket="bucket", Prefix=prefix).get("Contents", [])
    names = [item["Key"].removeprefix(prefix) for item in found]
    return [name for name in names if name and not name.endswith("/")]


def test_a_folder_is_written_and_read(
    store: Any, folder: OutputFolder, trial_row: MakeTrial, curve_row: MakeCurve
) -> None:
    folder.check_writable()
    assert files(store, folder) == []
    assert folder.present(["spec.yaml", "trials"]) == []
    assert folder.read_trials().num_rows == folder.read_summary().num_rows == 0
    folder.write_text("spec.yaml", "name: quick\n")
    assert folder.present(["spec.yaml"])
    assert folder.read_text("spec.yaml") == "name: quick\n"

    rows = [trial_row(trial=number, pack=number // 2) for number in range(4)]
    for pack in (0, 1, 1):
        members = [row for row in rows if row.pack == pack]
        curves = [curve_row(trial=row.trial) for row in members]
        folder.write_pack(STUDY, "search", pack, packed(members, curves))
    folder.write_summary(summarise(folder.read_trials()))
    assert trials_of(folder.read_trials()) == tuple(rows)
    assert folder.read_curves()["trial"].to_pylist() == [0, 1, 2, 3]
    assert folder.read_summary()["trials"].to_pylist() == [4]
    assert len(files(store, folder)) == 6


def test_pandas_reads_it_before_and_after_compaction(
    store: Any,
    folder: OutputFolder,
    trial_row: MakeTrial,
    curve_row: MakeCurve,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for pack in range(3):
        result = packed([trial_row(trial=pack, pack=pack)], [curve_row(trial=pack)])
        folder.write_pack(STUDY, "search", pack, result)
    store.put_object(
        Bucket="bucket", Key=f"runs/{folder.uri.rpartition('/')[2]}/trials/_half.parquet", Body=b"x"
    )
    expected = folder.read_trials().to_pandas()
    pd.testing.assert_frame_equal(pd.read_parquet(f"{folder.uri}/trials"), expected)
    monkeypatch.setattr("results.folder.COMPACT_ABOVE", 2)
    folder.compact()
    s3fs.S3FileSystem.clear_instance_cache()  # it remembers listings
    pd.testing.assert_frame_equal(pd.read_parquet(f"{folder.uri}/trials"), expected)
    assert len(pd.read_parquet(f"{folder.uri}/curves")) == 3
    assert files(store, folder) == [
        "curves/compacted.parquet",
        "trials/_half.parquet",
        "trials/compacted.parquet",
    ]


def test_a_missing_bucket_is_reported(store: Any) -> None:
    folder = OutputFolder("s3://no-such-bucket/x")
    with pytest.raises(OutputError, match=r"must be writable; got s3://no-such-bucket/x .*bucket"):
        folder.check_writable()
    assert not folder.present(["spec.yaml"])


def test_an_object_in_the_place_of_the_folder_is_refused(store: Any) -> None:
    store.put_object(Bucket="bucket", Key="runs/object", Body=b"x")
    with pytest.raises(OutputError, match=r"must be writable; got s3://bucket/runs/object .*file"):
        OutputFolder("s3://bucket/runs/object").check_writable()


def test_a_pickle_holds_no_credentials(folder: OutputFolder) -> None:
    folder.write_text("spec.yaml", "")
    pickled = pickle.dumps(folder)
    assert b"the-secret-key" not in pickled
    assert b"the-access-key" not in pickled
    assert pickle.loads(pickled).present(["spec.yaml"])


def test_checkpoints_come_and_go(store: Any, folder: OutputFolder) -> None:
    pack = (STUDY, "search", 3)
    assert folder.read_checkpoint(*pack) is None
    folder.delete_checkpoint(*pack)  # none is there
    folder.write_checkpoint(*pack, b"first")
    folder.write_checkpoint(*pack, b"second")
    assert folder.read_checkpoint(*pack) == b"second"
    assert len(files(store, folder)) == 1
    folder.delete_checkpoint(*pack)
    assert files(store, folder) == []
    folder.write_checkpoint(*pack, b"left by a worker that was killed")
    folder.write_text("_checkpoints/notes.txt", "theirs")
    folder.delete_checkpoints()
    assert files(store, folder) == ["_checkpoints/notes.txt"]
