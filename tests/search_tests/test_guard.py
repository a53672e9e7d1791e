"""Views that fail: the search neither ends nor loses a row, and says once what it can't show."""

import io
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ray.tune import Callback
from rich.console import Console

from results import OutputFolder, summary_of
from results.tensorboard.study_runs import StudyRuns
from search import run_search
from search.planning.search_plan import SearchPlan
from search.tune.interruption import Interrupted
from search.tune.searcher import pack_config
from search.views.guard import Guarded, View
from search.views.metrics_view import MetricsView
from search.views.progress import ProgressView
from search.views.studies_board import StudiesBoard
from search.views.summary_writer import SummaryWriter
from search.views.trials_board import TrialsBoard
from spaces import studies
from tests.search_tests.studies import tiny, trained

HOOKS = [name for name in dir(Callback) if name.startswith("on_")]
VIEWS = {
    "progress": ProgressView,
    "metrics": MetricsView,
    "summary of the studies so far": SummaryWriter,
    "TensorBoard's files of the studies": StudiesBoard,
    "TensorBoard's files of the trials": TrialsBoard,
}


class Failing(View):
    """Fails in one method, and counts how often it was ended."""

    def __init__(self, where: str, error: BaseException) -> None:
        self.where, self.error, self.ended, self.calls = where, error, 0, 0

    def fail(self, where: str) -> None:
        self.calls += 1
        if where == self.where:
            raise self.error

    def __enter__(self) -> "Failing":
        self.fail("__enter__")
        return self

    def __exit__(self, *error: object) -> None:
        self.ended += 1
        self.fail("__exit__")


def hook(name: str) -> Callable[..., None]:
    return lambda self, *arguments, **info: self.fail(name)


for name in HOOKS:
    setattr(Failing, name, hook(name))


def use(guarded: Guarded) -> None:
    """All that Tune may call, twice."""
    with guarded:
        for name in HOOKS * 2:
            getattr(guarded, name)(iteration=1, trials=[], trial=None, result={})


@pytest.mark.parametrize("where", ["__enter__", *HOOKS, "__exit__"])
@pytest.mark.parametrize(
    "error", [ValueError("no [x]\nat all"), OSError(28, "full"), SystemExit(1)]
)
def test_an_error_is_said_once_and_the_view_ended(
    where: str, error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    view = Failing(where, error)
    use(Guarded("the view", lambda: view))
    (message,) = caplog.messages
    assert message == (
        f"the view failed and is left out from here on ({type(error).__name__}: "
        f"{str(error).splitlines()[0]}); the search goes on"
    )
    assert view.ended >= 1


def test_a_view_that_can_not_be_made_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    def make() -> View:
        raise RuntimeError("no terminal")

    use(Guarded("the view", make))
    (message,) = caplog.messages
    assert "(RuntimeError: no terminal)" in message


def test_every_call_reaches_a_view_that_works() -> None:
    view = Failing("nowhere", ValueError())
    use(Guarded("the view", lambda: view))
    assert (view.calls, view.ended) == (2 * len(HOOKS) + 2, 1)


@pytest.mark.parametrize("where", ["__enter__", *HOOKS])
def test_an_interruption_passes(where: str) -> None:
    with pytest.raises(Interrupted):
        use(Guarded("the view", lambda: Failing(where, Interrupted())))


def broken(*arguments: object, **named: object) -> None:
    raise ValueError("broken by the test")


@pytest.mark.usefixtures("two_cpus")
def test_a_search_with_nothing_but_broken_views_is_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(ProgressView, "on_step_end", broken)
    monkeypatch.setattr(MetricsView, "on_step_end", broken)
    monkeypatch.setattr(SummaryWriter, "on_trial_complete", broken)
    monkeypatch.setattr(StudiesBoard, "on_trial_result", broken)
    monkeypatch.setattr(TrialsBoard, "on_trial_result", broken)
    spec = tiny(confirm=None)
    result = run_search(spec, str(tmp_path / "out"), console=Console(file=io.StringIO()))
    assert result.failed == {}
    assert len(result.trials) == 18
    assert result.summary["study"].tolist() == [study.name for study in studies(spec)]
    for subject in VIEWS:
        assert sum(f"{subject} failed" in message for message in caplog.messages) == 1
    assert not [message for message in caplog.messages if "trying again" in message]


def test_a_figure_that_can_not_be_drawn_leaves_the_rest_of_tensorboard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("search.views.studies_board.LossFigure.draw", broken)
    written: list[str] = []
    monkeypatch.setattr(StudyRuns, "write_winner", lambda self, run, rows: written.append(run))
    monkeypatch.setattr(StudyRuns, "write_conclusion", lambda *rest: written.append("conclusion"))
    plan = SearchPlan(tiny(confirm=None))
    with StudiesBoard(plan, OutputFolder(tmp_path)) as view:
        while pack := plan.next_pack():
            result = trained(pack)
            plan.finish(pack.key, result)
            view.on_trial_result(0, [], None, {"pack_result": result.to_arrow()})
            trial: Any = SimpleNamespace(config=pack_config(pack))
            view.on_trial_complete(0, [], trial)
    assert set(written) == {"d=1", "d=2", "conclusion"}
    (message,) = caplog.messages
    assert message.startswith("TensorBoard's figures failed")


def test_a_reader_of_the_progress_that_left_does_not_end_the_search() -> None:
    """`dottune run ... 2>&1 | head -1`: rich leaves the process when its pipe is closed."""
    reading, writing = os.pipe()
    os.close(reading)
    plan = SearchPlan(tiny())
    with os.fdopen(writing, "w") as pipe:
        console = Console(file=pipe)
        console.on_broken_pipe = lambda: broken_pipe()  # type: ignore[method-assign]
        use(Guarded("the progress", lambda: ProgressView(plan, console, ["a line"])))
        with pytest.raises(BrokenPipeError):
            pipe.flush()
        os.dup2(os.open(os.devnull, os.O_WRONLY), writing)


def broken_pipe() -> None:
    raise SystemExit(1)  # as rich's does, without its changes to this process's standard output


def test_a_study_is_summarised_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def count(tallies: Any) -> Any:
        seen.extend(tally.first.study for tally in tallies)
        return summary_of(tallies)

    monkeypatch.setattr("search.views.summary_writer.summary_of", count)
    monkeypatch.setattr("search.views.summary_writer.WRITE_SECONDS", 0.0)
    folder = OutputFolder(tmp_path)
    plan = SearchPlan(tiny(grid={"dimension": [3, 1, 2]}, confirm=None))
    with SummaryWriter(plan, folder) as writer:
        while pack := plan.next_pack():
            plan.finish(pack.key, trained(pack))
            trial: Any = SimpleNamespace(config=pack_config(pack))
            writer.on_trial_complete(0, [], trial)
            writer.on_step_end(0, [])
            finished = [study.name for study in plan.studies.values() if study.finished]
            assert folder.read_summary()["study"].to_pylist() == finished
    assert sorted(seen) == sorted(plan.studies)
