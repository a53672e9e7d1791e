"""Where an output folder may lie, and what is said of where it may not."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from results import OutputError, OutputFolder
from results.location import parse_location


@pytest.mark.parametrize(
    ("given_uri", "uri"),
    [
        ("runs/quick", os.path.abspath("runs/quick")),
        ("~/runs/../quick/", os.path.expanduser("~/quick")),
        ("/data/dimension=8", "/data/dimension=8"),
        (Path("/data/x"), "/data/x"),
        ("s3://bucket/runs/quick/", "s3://bucket/runs/quick"),
        ("S3://bucket", "s3://bucket"),
        ("s3://bucket/runs/a@b", "s3://bucket/runs/a@b"),
        ("gs://bucket/x", "gs://bucket/x"),
        ("hdfs://host:8020/x", "hdfs://host:8020/x"),
        ("hdfs:///x", "hdfs:///x"),
    ],
)
def test_the_uri_is_what_a_user_would_type_again(given_uri: str | Path, uri: str) -> None:
    assert OutputFolder(given_uri).uri == uri
    assert OutputFolder(uri).uri == uri


def test_the_path_is_the_one_of_pyarrow() -> None:
    assert parse_location("s3://bucket/runs/a b%20c").path == "bucket/runs/a b%20c"
    assert parse_location("s3://bucket").path == "bucket"
    assert parse_location("hdfs://host:8020/runs/x").path == "/runs/x"


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("", "is a local path or an s3://, .* got an empty name; write runs/name"),
        ("ftp://host/x", r"is a local path or an s3://.* got ftp://host/x; write runs/name"),
        ("file:///tmp/x", "got file:///tmp/x"),
        ("s3:/bucket/x", "got s3:/bucket/x; write runs/name or s3://bucket/path"),
        ("s3:bucket/x", "got s3:bucket/x"),
        ("https://me:pass@host/x?key=1", r"got https://\*\*\*;"),
        ("s3://", "must name a bucket; got s3://; write s3://bucket/path"),
        ("gs:///x", "must name a bucket; got gs:///x; write gs://bucket/path"),
        ("s3://KEY:pass@bucket/x", r"no credentials.*; got s3://\*\*\*; .*environment"),
        ("s3://bucket/x?access_key=pass", r"no credentials.*; got s3://\*\*\*;"),
        ("s3://bucket/x#pass", r"no credentials.*; got s3://\*\*\*;"),
        ("hdfs://me@host/x", r"no credentials.*; got hdfs://\*\*\*;"),
        ("s3://KEY:pass/x", r"no credentials.*; got s3://\*\*\*;"),
    ],
)
def test_other_places_are_refused(uri: str, message: str) -> None:
    with pytest.raises(OutputError, match=message) as caught:
        OutputFolder(uri)
    assert "pass" not in str(caught.value)


@given(st.text(st.sampled_from("aB1/+?#@:%= "), min_size=1, max_size=8))
def test_no_part_of_a_secret_is_ever_shown(noise: str) -> None:
    secret = f"SECRET{noise}SECRET"
    for uri in (
        f"s3://KEY:{secret}@bucket/x",
        f"s3://bucket/x?secret_key={secret}",
        f"ftp://me:{secret}@host/x",
        f"s3:KEY:{secret}@bucket/x",
    ):
        with pytest.raises(OutputError, match="got") as caught:
            OutputFolder(uri)
        assert "SECRET" not in str(caught.value).replace("AWS_SECRET_ACCESS_KEY", "")


def test_a_folder_that_can_be_made_is_writable_and_left_unmade(tmp_path: Path) -> None:
    OutputFolder(tmp_path / "a" / "b").check_writable()
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "there").mkdir()
    OutputFolder(tmp_path / "there").check_writable()
    assert list((tmp_path / "there").iterdir()) == []


@pytest.mark.parametrize("below", ["", "/a/b"])
def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_text("kept")
    folder = OutputFolder(f"{tmp_path}/file{below}")
    with pytest.raises(OutputError, match=r"must be writable; got .* is a file\); choose another"):
        folder.check_writable()
    with pytest.raises(OutputError, match="must be writable"):
        folder.write_text("spec.yaml", "")
    assert (tmp_path / "file").read_text() == "kept"
    assert not folder.present(["spec.yaml"])


def test_a_folder_without_permission_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, _: bytes) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "write_bytes", refuse)
    folder = OutputFolder(tmp_path / "a" / "b")
    with pytest.raises(OutputError, match=r"must be writable; got .*Permission denied.*; choose"):
        folder.check_writable()
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_cannot_be_named_is_reported_in_one_line() -> None:
    for use in (
        OutputFolder("s3://buc ket/x").check_writable,
        OutputFolder("s3://b c/x").read_trials,
    ):
        with pytest.raises(
            OutputError, match=r"must be reachable; got s3://.*; check the name"
        ) as e:
            use()
        assert "\n" not in str(e.value)


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs Linux's /proc")
def test_a_file_system_that_refuses_new_folders_is_reported() -> None:
    with pytest.raises(OutputError, match=r"must be writable; got /proc/dottune"):
        OutputFolder("/proc/dottune/out").check_writable()
