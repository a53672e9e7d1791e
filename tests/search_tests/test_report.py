"""The report of a search: written where it is told, and at the end of a search, in no one's way."""

import logging
import os
import shutil
from pathlib import Path

import pytest

from results import OutputFolder, OutputUnavailable, summarise
from search import resume_search
from search.planning.search_plan import SearchPlan
from search.saved_search.provenance import provenance, to_json
from search.saved_search.reported_search import reported_search
from spaces import studies
from tests.search_tests.command_line import dottune
from tests.search_tests.studies import tiny, trained

GOLDEN = Path(__file__).parent / "golden" / "version-1"


def write_search(out: Path, *, packs: int | None = None) -> OutputFolder:
    """The search `tiny` after so many packs; None: finished."""
    folder, spec = OutputFolder(out), tiny()
    plan = SearchPlan(spec)
    while (packs is None or packs > 0) and (pack := plan.next_pack()):
        result = trained(pack)
        plan.finish(pack.key, result)
        folder.write_pack(*pack.key, result)
        packs = None if packs is None else packs - 1
    folder.write_text("spec.yaml", spec.to_yaml())
    folder.write_text("provenance.json", to_json([provenance(["dottune", "run"], spec)]))
    if packs is None:
        folder.write_summary(summarise(folder.read_trials(), order=[*plan.studies]))
    return folder


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> OutputFolder:
    return write_search(tmp_path_factory.mktemp("report") / "a finished [search]")


def test_the_command_writes_into_the_folder_and_ends_with_what_was_found(
    finished: OutputFolder,
) -> None:
    done = dottune("report", finished.uri)
    assert done.exit_code == 0
    first, _, sentence, following = done.stdout.splitlines()
    assert first == f"report   {finished.uri}/report.html"
    page = (Path(finished.uri) / "report.html").read_text()
    assert sentence[:40] in page
    assert following.startswith(f"next: dottune reproduce '{finished.uri}' --study dimension=")
    assert following.removeprefix("next: ") in page.replace("&#x27;", "'")


def test_the_command_writes_to_a_file(finished: OutputFolder, tmp_path: Path) -> None:
    file = tmp_path / "mine.html"
    done = dottune("report", finished.uri, "--to", str(file))
    assert done.stdout.startswith(f"report   {file}\n")
    assert file.read_text().startswith("<!DOCTYPE html>")
    assert [each.name for each in tmp_path.iterdir()] == ["mine.html"]


def test_a_link_is_followed(finished: OutputFolder, tmp_path: Path) -> None:
    link = tmp_path / "link.html"
    link.symlink_to(tmp_path / "target.html")
    assert dottune("report", finished.uri, "--to", str(link)).exit_code == 0
    assert link.is_symlink()
    assert (tmp_path / "target.html").read_text().startswith("<!DOCTYPE html>")


@pytest.mark.skipif(not os.access("/dev/full", os.W_OK), reason="needs Linux's /dev/full")
def test_no_file_takes_the_place_of_a_device(finished: OutputFolder) -> None:
    done = dottune("report", finished.uri, "--to", "/dev/full")
    assert Path("/dev/full").is_char_device()
    assert done.exit_code == 2
    assert "No space left on device" in done.stderr


def test_a_file_that_can_t_be_written_is_refused(finished: OutputFolder, tmp_path: Path) -> None:
    done = dottune("report", finished.uri, "--to", str(tmp_path / "missing" / "report.html"))
    assert done.exit_code == 2
    assert "--to must be a file that can be written" in done.stderr


def test_a_folder_without_a_search_is_refused(tmp_path: Path) -> None:
    done = dottune("report", str(tmp_path))
    assert done.exit_code == 2
    assert "holds no search (no spec.yaml)" in done.stderr
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("packs", [0, 1])
def test_an_unfinished_search_is_reported_with_what_is_missing(packs: int, tmp_path: Path) -> None:
    folder = write_search(tmp_path / "search", packs=packs)
    sentence, following = dottune("report", folder.uri).stdout.splitlines()[-2:]
    assert sentence.startswith(f"Unfinished: {18 - 3 * packs} of 18 trials are missing")
    assert following == f"next: dottune resume {folder.uri}"


def test_a_folder_of_version_1_is_reported(tmp_path: Path) -> None:
    shutil.copytree(GOLDEN, tmp_path / "golden")
    done = dottune("report", str(tmp_path / "golden"))
    assert done.exit_code == 0
    assert "At d=2 the best that was trained reached nmse" in done.stdout


def test_what_is_reported_is_what_the_spec_says(finished: OutputFolder) -> None:
    found = reported_search(finished)
    assert [each.name for each in found.studies] == [study.name for study in studies(tiny())]
    assert [each.label for each in found.studies] == ["d=1", "d=2"]
    assert [dict(each.shown) for each in found.studies] == [{"dimension": "1"}, {"dimension": "2"}]
    bounds = found.studies[0].space["learning_rate"]
    assert bounds is not None
    assert (bounds.low, bounds.high, bounds.log) == (1e-3, 1e-1, True)
    assert (found.replicates, found.missing) == (2, "")
    assert found.summary["study"].to_pylist() == [each.name for each in found.studies]


def test_a_search_ends_with_its_report(finished: OutputFolder, tmp_path: Path) -> None:
    """A finished search, resumed, goes the way of every search's end; it needs no Ray."""
    shutil.copytree(finished.uri, tmp_path / "copy")
    done = dottune("resume", str(tmp_path / "copy"))
    assert done.exit_code == 0
    assert done.stdout.splitlines()[-1].startswith("next: dottune reproduce ")
    assert (tmp_path / "copy" / "report.html").is_file()


@pytest.mark.parametrize(
    "error", [ValueError("no page"), OutputUnavailable("the store is away")], ids=repr
)
def test_a_report_that_fails_is_said_once_and_ends_nothing(
    error: Exception,
    finished: OutputFolder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*arguments: object) -> None:
        raise error

    shutil.copytree(finished.uri, tmp_path / "copy", ignore=shutil.ignore_patterns("report.html"))
    monkeypatch.setattr("search.views.report.make_report", fail)
    with caplog.at_level(logging.WARNING):
        result = resume_search(str(tmp_path / "copy"))
    assert result.report is None
    assert result.failed == {}
    (message,) = [each for each in caplog.messages if "report" in each]
    assert message.startswith("the report failed and is left out from here on")
    assert not (tmp_path / "copy" / "report.html").exists()


def test_a_folder_with_nothing_but_somebodys_report_is_not_written_to(tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text("mine")
    done = dottune("run", "smoke", "--out", str(tmp_path))
    assert done.exit_code == 2
    assert "report.html, which a search would write to" in done.stderr.replace("\n", " ")
