"""Everything that accompanies a running search, none of which can hurt it."""

import shlex
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from ray.tune import Callback
from rich.console import Console

from results import OutputFolder
from results.tensorboard import log_folders
from spaces import Spec

from ..planning.search_plan import SearchPlan
from ..text.counted import counted
from .compactor import Compactor
from .guard import Guarded
from .metrics_view import MetricsView
from .progress import ProgressView
from .studies_board import StudiesBoard
from .summary_writer import SummaryWriter
from .trials_board import TrialsBoard, shown_runs


@contextmanager
def watching(
    plan: SearchPlan, folder: OutputFolder, console: Console, *, dashboard: str | None
) -> Iterator[list[Callback]]:
    """Accompany `plan` for the length of the block: on `console`, as metrics, in `folder`.

    `dashboard` is the HOST:PORT of Ray's, if it has one. Whatever fails is left out from then on.
    """
    heading = where_to_watch(plan, folder, dashboard)
    views = [
        Guarded("the progress", lambda: ProgressView(plan, console, heading)),
        Guarded("the metrics", lambda: MetricsView(plan)),
        Guarded("the summary of the studies so far", lambda: SummaryWriter(plan, folder)),
        Guarded("merging the files of packs", lambda: Compactor(folder)),
    ]
    if plan.spec.tensorboard != "off":
        views += [
            Guarded("TensorBoard's files of the studies", lambda: StudiesBoard(plan, folder)),
            Guarded("TensorBoard's files of the trials", lambda: TrialsBoard(plan, folder)),
        ]
    with ExitStack() as stack:
        yield [stack.enter_context(view) for view in views]


def where_to_watch(plan: SearchPlan, folder: OutputFolder, dashboard: str | None) -> list[str]:
    """What is searched, where its rows go, and where it can be watched."""
    spec = plan.spec
    searched = counted(len(plan.studies), "study", "studies")
    lines = [
        f"search       {spec.name}: {searched} of {_trials(spec)}",
        f"output       {folder.uri}",
    ]
    if spec.tensorboard != "off":
        studies, trials = (
            shlex.quote(f"{folder.uri}/{name}")
            for name in (log_folders.STUDIES, log_folders.TRIALS)
        )
        lines.append(f"TensorBoard  tensorboard --logdir {studies}")
        lines.append(f"its trials   tensorboard --logdir {trials}")
        if told := str(shown_runs(spec)):
            lines.append(f"             {told}")
    if dashboard:
        lines.append(f"dashboard    http://{dashboard} (its token: ray get-auth-token)")
    return lines


def _trials(spec: Spec) -> str:
    budget = spec.budget
    return (
        f"as many trials as {budget.time} allow"
        if budget.trials is None
        else counted(budget.trials, "trial")
    )
