"""Whole searches on a real Ray: what they leave, and what becomes of a study that fails."""

import json
from pathlib import Path

import pandas
import pyarrow
import pytest
from typer.testing import CliRunner

import search
from results import CURVES, SUMMARY, TRIALS, OutputError, OutputFolder, summarise
from results.parts import part_name
from results.rows import PackResult, trials_of
from search import SearchResult, resume_search, run_search
from search.commands.cli import application
from search.planning.search_plan import SearchPlan
from spaces import load_spec, studies
from tests.search_tests.studies import MEASURED
from trainables.pack_trainable import PackTrainable

KEY = ["study", "trial", "phase", "replicate", "steps_factor"]

pytestmark = pytest.mark.usefixtures("two_cpus")


def compared(trials: pandas.DataFrame) -> pandas.DataFrame:
    """The trials without what differs from run to run."""
    return trials.drop(columns=MEASURED)


def test_the_public_names_are_these() -> None:
    assert search.__all__ == [
        "SearchInterrupted",
        "SearchResult",
        "load_study",
        "resume_search",
        "run_search",
    ]
    assert [getattr(search, name).__name__ for name in search.__all__] == search.__all__
    with pytest.raises(AttributeError, match="module 'search' has no attribute 'run_serach'"):
        search.run_serach  # noqa: B018


def test_a_search_fills_its_folder(smoke: SearchResult) -> None:
    spec = load_spec("smoke", ["resources.workers=2"])
    names = {path.name for path in Path(smoke.uri).iterdir()}
    assert names >= {"curves", "provenance.json", "spec.yaml", "summary.parquet", "trials"}
    assert not [name for name in names if name.startswith("_")]
    assert load_spec(Path(smoke.uri) / "spec.yaml") == spec
    (record,) = json.loads((Path(smoke.uri) / "provenance.json").read_text())["executions"]
    assert record["started_at"] <= record["finished_at"]
    assert {"ray", "torch", "optuna", "pyarrow"} <= record["packages"].keys()


def test_the_result_gives_the_three_tables_as_frames(smoke: SearchResult) -> None:
    assert smoke.failed == {}
    assert list(smoke.trials) == TRIALS.names
    assert list(smoke.curves) == CURVES.names
    assert list(smoke.summary) == SUMMARY.names
    assert not smoke.trials.duplicated(KEY).any()
    assert not smoke.curves.duplicated([*KEY, "step"]).any()
    assert len(smoke.trials) == 2 * (8 + 2 * 2)  # studies * (trials + replicates * factors)
    assert smoke.summary["study"].tolist() == [study.name for study in studies(load_spec("smoke"))]
    assert smoke.summary["nmse"].notna().all()
    again = summarise(pyarrow.Table.from_pandas(smoke.trials, TRIALS)).to_pandas()
    pandas.testing.assert_frame_equal(smoke.summary, again)


def test_every_hyperparameter_stands_in_every_row(smoke: SearchResult) -> None:
    columns = [*load_spec("smoke").fixed, *load_spec("smoke").space, "dimension", "multiplication"]
    columns.remove("steps")  # in the rows: the steps done
    assert smoke.trials[columns].notna().all(axis=None)
    assert smoke.trials["schedule_steps"].eq(60 * smoke.trials["steps_factor"]).all()
    completed = smoke.trials[smoke.trials["status"] == "completed"]
    assert completed["steps"].eq(completed["schedule_steps"]).all()
    pruned = smoke.trials[smoke.trials["status"] == "pruned"]
    assert pruned["steps"].isin([15, 30]).all()


def test_the_number_of_workers_changes_no_row(smoke: SearchResult, tmp_path: Path) -> None:
    alone = run_search("smoke", str(tmp_path / "out"), overrides=["resources.workers=1"])
    assert alone.trials["worker"].nunique() == 1
    pandas.testing.assert_frame_equal(compared(alone.trials), compared(smoke.trials))
    pandas.testing.assert_frame_equal(alone.curves, smoke.curves)


def test_a_long_pack_reports_on_its_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainables.pack_trainable.REPORT_SECONDS", 0.0)
    pack = SearchPlan(load_spec("smoke")).next_pack()
    assert pack is not None
    how = {"title": "", "out": str(tmp_path), "execution": 0, "cpus": 1}
    worker = PackTrainable({"pack": pack.to_text(), **how})
    reports = [worker.train()]
    while not reports[-1]["done"]:
        reports.append(worker.train())
    *early, last = reports
    assert [(report["at_step"], report["alive"]) for report in early] == [(15, 2), (30, 1)]
    so_far = [PackResult.from_arrow(report["so_far"]) for report in early]
    assert [len(part.trials) for part in so_far] == [0, 0]
    curves = tuple(row for part in so_far for row in part.curves)
    result = PackResult.from_arrow(last["pack_result"])
    assert curves == result.curves[: len(curves)]
    assert len(result.curves) == 4 + 2 + 1
    assert len(result.trials) == 4
    assert trials_of(OutputFolder(tmp_path).read_trials()) == result.trials


def test_a_finished_search_is_left_alone(smoke: SearchResult) -> None:
    def files() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in Path(smoke.uri).rglob("*") if path.is_file()}

    before = files()
    result = resume_search(smoke.uri)
    assert result.failed == {}
    assert files() == before
    with pytest.raises(OutputError, match=r"already holds a search; finish it with .*resume"):
        run_search("smoke", smoke.uri)
    with pytest.raises(OutputError, match=r"already holds a search, another one \(seed: 1, was 0"):
        run_search("smoke", smoke.uri, overrides=["seed=1"], resume_if_there=True)
    again = run_search("smoke", smoke.uri, overrides=["resources.gpus=0"], resume_if_there=True)
    pandas.testing.assert_frame_equal(again.trials, smoke.trials)
    assert files() == before


def test_a_pack_that_fails_stops_its_study_and_no_other(
    smoke: SearchResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder where the pack's file should be: the worker can't write it, however often."""
    out = tmp_path / "out"
    study, other = smoke.summary["study"]
    obstacle = out / "trials" / part_name(study, "search", 1)
    write_text = OutputFolder.write_text

    def write_and_obstruct(folder: OutputFolder, name: str, text: str) -> None:
        write_text(folder, name, text)
        if name == "spec.yaml":
            obstacle.mkdir(parents=True)

    with monkeypatch.context() as patch:
        patch.setattr(OutputFolder, "write_text", write_and_obstruct)
        ran = CliRunner().invoke(application, ["run", "smoke", "--out", str(out)])
    assert ran.exit_code == 1, ran.output
    assert f"{study}: pack 1 failed: an output folder must be writable" in ran.stderr
    assert f"try them again with: dottune resume {out}" in ran.stderr
    assert "Traceback" not in ran.output
    summary = OutputFolder(out).read_summary()
    assert summary["study"].to_pylist() == [other]
    (first,) = json.loads((out / "provenance.json").read_text())["executions"]
    assert first["finished_at"] is None

    obstacle.rmdir()
    resumed = CliRunner().invoke(application, ["resume", str(out)])
    assert resumed.exit_code == 0, resumed.output
    trials = OutputFolder(out).read_trials().to_pandas()
    pandas.testing.assert_frame_equal(compared(trials), compared(smoke.trials))
    first, second = json.loads((out / "provenance.json").read_text())["executions"]
    assert (first["finished_at"], second["finished_at"] is None) == (None, False)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("spec.yaml", "a: [", r"spec\.yaml must be as dottune wrote it; .*spec\.yaml, line 1"),
        ("spec.yaml", "name: x", r"spec\.yaml must be as dottune wrote it; dimension: missing"),
        (
            "spec.yaml",
            "{name: x, grid: {dimension: [1]}, task: {target: distance}}",
            'task.target: must be one of dot, cosine; got "distance"; install the package that '
            "adds what is missing here",
        ),
        ("provenance.json", "[]", r"provenance\.json must be as dottune wrote it; got TypeError"),
        ("provenance.json", "{", r"provenance\.json must be as dottune wrote it; got JSONDecode"),
    ],
)
def test_a_folder_that_was_tampered_with_is_refused(
    smoke: SearchResult, tmp_path: Path, name: str, text: str, message: str
) -> None:
    for file in ("spec.yaml", "provenance.json"):
        (tmp_path / file).write_bytes((Path(smoke.uri) / file).read_bytes())
    (tmp_path / name).write_text(text)
    with pytest.raises(OutputError, match=message):
        resume_search(str(tmp_path))


def test_a_folder_without_a_search_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"holds no search \(no spec\.yaml\); start one with"):
        resume_search(str(tmp_path))
    assert list(tmp_path.iterdir()) == []
