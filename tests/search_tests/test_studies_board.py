"""TensorBoard's studies while a search runs, after it, and after it was resumed."""

import math
from functools import partial
from pathlib import Path

import pytest

from results import OutputFolder
from results.rows import curves_of, trials_of
from results.tensorboard import log_folders
from results.tensorboard.study_runs import BEST_SO_FAR, CONCLUSION, WINNER
from search.planning.search_plan import SearchPlan
from search.text.study_label import study_folder, study_label
from search.views.studies_board import FIGURE, StudiesBoard
from spaces import load_spec, studies
from spaces.vocabulary import best_trial
from tests.search_tests.studies import resumed, run_packs, tiny
from tests.tensorboard_server import TensorBoard, eventually, tensorboard


def expect_studies(board: TensorBoard, folder: OutputFolder) -> None:
    """One run for each study, with what the rows say; the root run's text names all of them."""
    names = [study.name for study in studies(load_spec(Path(folder.uri) / "spec.yaml"))]
    runs = [study_folder(name) for name in names]
    eventually(lambda: set(board.get("/data/runs")) == {".", *runs})
    rows, curves = trials_of(folder.read_trials()), curves_of(folder.read_curves())
    for name, run in zip(names, runs, strict=True):
        searched = [row for row in rows if row.study == name and row.phase == "search"]
        winner = best_trial(searched)
        assert winner is not None
        curve = {row.step: row.nmse_at_step for row in curves if row.key == winner.key}
        expected = {step: math.log10(nmse) for step, nmse in curve.items() if nmse is not None}
        eventually(partial(shows, board, run, len(expected)))
        assert board.scalars(run, WINNER) == pytest.approx(expected)
        best = board.scalars(run, BEST_SO_FAR)
        assert max(best) == len(searched)
        assert list(best.values()) == sorted(best.values(), reverse=True)
        assert winner.nmse is not None
        assert best[len(searched)] == pytest.approx(math.log10(winner.nmse))
        assert board.get(f"/data/plugin/images/images?tag={FIGURE}&run={run}&sample=0")
    texts = board.get(f"/data/plugin/text/text?run=.&tag={CONCLUSION}")
    for name in names:
        assert f"<code>{study_label(name)}</code>" in texts[-1]["text"]


def shows(board: TensorBoard, run: str, points: int) -> bool:
    return len(board.scalars(run, WINNER)) == points


def test_an_interrupted_search_is_shown_as_one(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path)
    spec = tiny()
    folder.write_text("spec.yaml", spec.to_yaml())
    first = SearchPlan(spec)
    with StudiesBoard(first, folder) as view:
        run_packs(first, folder, view, most=7)  # of 10
    second = resumed(folder, spec)
    with StudiesBoard(second, folder) as view:
        run_packs(second, folder, view)
    with tensorboard(tmp_path / log_folders.STUDIES) as board:
        expect_studies(board, folder)


def test_a_folder_of_the_first_layout_is_gone_on_with(tmp_path: Path) -> None:
    """There a trial was a run in the folder of today's studies."""
    folder = OutputFolder(tmp_path)
    older = tmp_path / "tensorboard" / "d=1" / "trial-0000" / "events.out.tfevents.1.h.2.3.dottune"
    theirs = tmp_path / "tensorboard" / "mine" / "events.out.tfevents.1.h.2.3"
    for path in (older, theirs):
        path.parent.mkdir(parents=True)
        path.write_bytes(b"")
    plan = SearchPlan(tiny(grid={"dimension": [1]}, confirm=None))
    with StudiesBoard(plan, folder) as view:
        run_packs(plan, folder, view)
    assert not older.parent.exists()
    assert theirs.exists()
    runs = {path.parent.name for path in (tmp_path / "tensorboard").rglob("*.dottune")}
    assert runs == {"tensorboard", "d=1"}
