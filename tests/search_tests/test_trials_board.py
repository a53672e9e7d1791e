"""TensorBoard's trials while a search runs, after it, and after it was resumed."""

import re
from pathlib import Path

import pytest

from results import OutputFolder
from results.rows import CurveRow, curves_of, trials_of
from results.tensorboard import log_folders
from results.tensorboard.trial_runs import CURVE_SCALARS, HPARAMS, Interval, Listed
from search.planning.search_plan import SearchPlan
from search.runner import resume_search, run_search
from search.views.guard import Guarded
from search.views.hparams_domains import domains
from search.views.trials_board import TrialsBoard, run_name
from tests.search_tests.studies import resumed, run_packs, tiny
from tests.search_tests.test_studies_board import expect_studies
from tests.tensorboard_server import TensorBoard, eventually, shown_hparams, tensorboard

CONFIRMS = 2 * 2 * 2
"""Studies, replicates, steps factors."""
TRIALS = 2 * 9


def expect_all(board: TensorBoard, folder: OutputFolder) -> None:
    """Every row is a run in HParams, and its scalars are those of the curves, each step once."""
    rows = trials_of(folder.read_trials())
    assert len(rows) == TRIALS + CONFIRMS
    eventually(lambda: set(board.sessions(set())) == {run_name(row) for row in rows})
    sessions = board.sessions(set(HPARAMS))
    for row in rows:
        assert sessions[run_name(row)]["hparams"] == shown_hparams(row)
    curves: dict[str, list[CurveRow]] = {}
    for point in curves_of(folder.read_curves()):
        curves.setdefault(run_name(point), []).append(point)
    for run, points in list(curves.items())[::5]:
        for tag, column in CURVE_SCALARS.items():
            found = board.get(f"/data/plugin/scalars/scalars?tag={tag}&run={run}")
            assert [point[1] for point in found] == [row.step for row in points]
            expected = [getattr(row, column) for row in points]
            assert [point[2] for point in found] == pytest.approx(expected, rel=1e-6)


def test_a_search_on_ray_is_shown_in_full(two_cpus: None, tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path / "out")
    result = run_search(tiny(tensorboard="all"), folder.uri)
    assert result.failed == {}
    with tensorboard(f"{folder.uri}/{log_folders.TRIALS}") as board:
        expect_all(board, folder)
    with tensorboard(f"{folder.uri}/{log_folders.STUDIES}") as board:
        expect_studies(board, folder)


def test_the_runs_of_an_interrupted_search_are_not_doubled(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path)
    spec = tiny(tensorboard="all")
    folder.write_text("spec.yaml", spec.to_yaml())
    first = SearchPlan(spec)
    with TrialsBoard(first, folder) as view:
        run_packs(first, folder, view, most=3)

    second = resumed(folder, spec)
    with TrialsBoard(second, folder) as view:
        run_packs(second, folder, view)
    with tensorboard(tmp_path / log_folders.TRIALS) as board:
        expect_all(board, folder)
    files = [path.parent for path in (tmp_path / log_folders.TRIALS).rglob("*tfevents*")]
    assert len(files) == len(set(files))


def test_best_keeps_every_trial_but_only_some_curves(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path)
    plan = SearchPlan(
        tiny(
            grid={"dimension": [1]},
            budget={"trials": 40, "pack_size": 20},
            confirm={"replicates": 2},
        )
    )
    with TrialsBoard(plan, folder) as view:
        run_packs(plan, folder, view)
    with tensorboard(tmp_path / log_folders.TRIALS) as board:
        eventually(lambda: len(board.sessions(set())) == 42)
        tags = board.get("/data/plugin/scalars/tags")
    curves = {name for name, found in tags.items() if "nmse" in found}
    sampled = {f"d=1/trial-{number:04d}" for number in range(0, 40, 3)}
    confirmed = {name for name in tags if "confirm" in name}
    assert len(confirmed) == 2
    assert curves >= sampled | confirmed
    best = min(
        (row for row in trials_of(folder.read_trials()) if row.status == "completed"),
        key=lambda row: (row.phase != "search", row.nmse),
    )
    assert run_name(best) in curves
    assert len(curves) < 42


def test_off_writes_nothing(two_cpus: None, tmp_path: Path) -> None:
    spec = tiny(tensorboard="off", grid={"dimension": [1]}, confirm=None)
    run_search(spec, str(tmp_path / "out"))
    assert [*(tmp_path / "out").glob("tensorboard*")] == []
    resume_search(str(tmp_path / "out"))
    assert [*(tmp_path / "out").glob("tensorboard*")] == []


def test_a_folder_that_cannot_be_written_ends_the_view_not_the_search(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = OutputFolder(tmp_path)
    plan = SearchPlan(tiny(grid={"dimension": [1]}, confirm=None))
    (tmp_path / log_folders.TRIALS).mkdir()
    with Guarded("TensorBoard's files", lambda: TrialsBoard(plan, folder)) as view:
        (tmp_path / log_folders.TRIALS / "d=1").write_text("in the way")
        run_packs(plan, folder, view)
    assert plan.finished
    (message,) = caplog.messages
    assert re.match(r"TensorBoard's files failed and is left out .* \(NotADirectoryError", message)


def test_domains_hold_every_value_of_the_spec() -> None:
    known = domains(tiny(grid={"dimension": [1, 2], "activation": ["relu", "tanh"]}))
    assert known["dimension"] == Listed([1, 2])
    assert known["activation"] == Listed(["relu", "tanh"])
    assert known["learning_rate"] == Interval(1e-3, 1e-1)
    assert known["multiplication"] == Listed([True])
    assert known["schedule_steps"] == Listed([4, 8])
    of_data = {"pairs", "users", "items", "pairs_per_user", "shuffle"}
    unused = {"weight_decay", "momentum", "factors", *of_data}  # by adam, mlp and the stream
    unused |= {"beta_1", "beta_2", "epsilon", "y_range", "dropout"}
    assert set(HPARAMS) - set(known) == {"layer_sizes", *unused}
