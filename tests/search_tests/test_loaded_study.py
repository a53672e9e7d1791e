"""Studies rebuilt from Parquet, in Optuna's own hands."""

import json
import math
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState
from typer.testing import CliRunner

from results import OutputError, OutputFolder, summarise
from search import load_study
from search.commands.cli import application
from search.planning.search_plan import SearchPlan
from spaces import SpecError
from tests.search_tests.studies import tiny, trained
from tests.typed_rows import changed, packed


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> OutputFolder:
    """A finished search with and without multiplication; one of its trials diverged."""
    folder = OutputFolder(tmp_path_factory.mktemp("search"))
    spec = tiny(
        grid={"dimension": [1, 2], "multiplication": [False, True]},
        fixed={"steps": 4, "batch_size": 8},
    )
    folder.write_text("spec.yaml", spec.to_yaml())
    plan = SearchPlan(spec)
    while pack := plan.next_pack():
        result = trained(pack)
        if pack.number == 1 and pack.study == "dimension=1,multiplication=false":
            first, *others = result.trials
            lost = dict.fromkeys(("train_loss", "loss", "loss_stderr", "nmse"))
            first = changed(first, status="diverged", **lost)
            result = packed([first, *others], result.curves)
        folder.write_pack(*pack.key, result)
        plan.finish(pack.key, result)
    return folder


def test_a_study_has_every_trial_as_it_ended(folder: OutputFolder) -> None:
    study = load_study(folder.uri, dimension=1, multiplication=False)
    assert study.study_name == "dimension=1,multiplication=false"
    rows = [
        row
        for row in folder.read_trials().to_pylist()
        if row["study"] == study.study_name and row["phase"] == "search"
    ]
    assert len(study.trials) == len(rows) == 9
    for trial, row in zip(study.trials, rows, strict=True):
        assert trial.params == {name: row[name] for name in ("depth", "learning_rate", "width")}
        assert trial.user_attrs["trial"] == row["trial"]
        assert trial.user_attrs["status"] == row["status"]
        assert (trial.state == TrialState.COMPLETE) is (row["nmse"] is not None)
        assert trial.value == (None if row["nmse"] is None else log10(row["nmse"]))
        assert trial.datetime_complete is not None
    assert {"completed", "pruned"} <= {row["status"] for row in rows}
    best = min(row["nmse"] for row in rows if row["nmse"] is not None)
    assert study.best_value == log10(best)
    assert study.metric_names == ["log10_nmse"]
    diverged = next(trial for trial in study.trials if trial.user_attrs["status"] == "diverged")
    assert diverged.state == TrialState.PRUNED
    assert diverged.intermediate_values == {}


def log10(nmse: float) -> float:
    """With a floor, so that an exact network has a place in a plot."""
    return math.log10(max(nmse, 1e-12))


def test_the_values_at_the_first_rung_are_those_of_the_curves(folder: OutputFolder) -> None:
    grid: dict[str, Any] = {"dimension": 2, "multiplication": True}
    study = load_study(folder.uri, first_rung=True, **grid)
    curves = [
        row
        for row in folder.read_curves().to_pylist()
        if row["study"] == "dimension=2,multiplication=true" and row["phase"] == "search"
    ]
    first = min(row["step"] for row in curves)
    expected = {row["trial"]: row["nmse_at_step"] for row in curves if row["step"] == first}
    assert len(study.trials) == len(expected) == 9
    for trial in study.trials:
        assert trial.value == log10(expected[trial.user_attrs["trial"]])


def test_what_confirm_found_is_told_of_the_study_and_of_its_best_trial(
    folder: OutputFolder,
) -> None:
    study = load_study(folder.uri, dimension=2, multiplication=True)
    (row,) = (
        row
        for row in summarise(folder.read_trials()).to_pylist()
        if row["study"] == study.study_name
    )
    best = study.trials[row["best_trial"]]
    for told in (study.user_attrs, best.user_attrs):
        assert told["confirmed_nmse"] == row["nmse"]
        assert told["constructed_nmse"] == row["constructed_nmse"]
    assert all(
        "confirmed_nmse" not in trial.user_attrs
        for trial in study.trials
        if trial.number != best.number
    )


def test_importances_and_the_frame_of_a_study(folder: OutputFolder) -> None:
    study = load_study(folder.uri, dimension=2, multiplication=True)
    importances = optuna.importance.get_param_importances(study)
    assert set(importances) == {"depth", "learning_rate", "width"}
    assert len(study.trials_dataframe()) == 9


def test_a_study_goes_on_where_the_search_ended(folder: OutputFolder) -> None:
    study = load_study(folder.uri, dimension=1, multiplication=True)
    trial = study.ask(study.trials[0].distributions)
    assert trial.number == 9


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ({}, "more than one study has nothing; the studies of .*: dimension=1,mult"),
        ({"dimension": 1}, "more than one study has dimension=1; the studies of .*"),
        ({"dimension": 3, "multiplication": True}, "no study has dimension=3, mult.*; the studies"),
        ({"depth": 1}, "no study has depth=1; the studies of .*: dimension=1,multiplication=false"),
    ],
)
def test_a_study_must_be_named(folder: OutputFolder, grid: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        load_study(folder.uri, **grid)


def test_a_folder_without_a_search_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"holds no search \(no spec.yaml\); check the path"):
        load_study(str(tmp_path))


@pytest.fixture
def dashboard(folder: OutputFolder) -> Iterator[str]:
    """The address of `dottune optuna`, served by a process of its own."""
    pytest.importorskip("optuna_dashboard", reason="needs the extra dashboard")
    command = [sys.executable, "-m", "search", "optuna", folder.uri, "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        found = re.search(r"http://127\.0\.0\.1:\d+", server.stdout.readline())
        assert found is not None
        yield found[0]
    finally:
        server.terminate()
        server.communicate(timeout=60)


def test_the_dashboard_lists_the_studies(dashboard: str, folder: OutputFolder) -> None:
    with urllib.request.urlopen(f"{dashboard}/api/studies", timeout=60) as answer:
        listed = {study["study_name"] for study in json.load(answer)["study_summaries"]}
    studies = set(folder.read_trials()["study"].to_pylist())
    assert listed == studies | {f"{study} at the first rung" for study in studies}
    with urllib.request.urlopen(f"{dashboard}/dashboard/", timeout=60) as answer:
        assert b"Optuna" in answer.read()


def test_a_port_that_is_taken_is_refused(dashboard: str, folder: OutputFolder) -> None:
    port = dashboard.rpartition(":")[2]
    done = CliRunner().invoke(application, ["optuna", folder.uri, "--port", port])
    assert done.exit_code == 2
    assert re.search(
        rf"error: port {port} can't be used \(.*\); choose another --port", done.stderr
    )


def test_the_dashboard_of_no_search_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("optuna_dashboard", reason="needs the extra dashboard")
    done = CliRunner().invoke(application, ["optuna", str(tmp_path)])
    assert done.exit_code == 2
    assert "holds no search" in done.stderr


def test_help_imports_no_heavy_package() -> None:
    script = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from search.commands.cli import application\n"
        "assert CliRunner().invoke(application, ['--help']).exit_code == 0\n"
        "print([name for name in ('ray', 'torch', 'optuna', 'tensorboard') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr
