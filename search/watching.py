"""Everything that shows a running search to people, as one list of Tune callbacks."""

import shlex
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from ray.tune import Callback
from rich.console import Console

from results import OutputFolder

from .metrics_view import MetricsView
from .progress import ProgressView
from .search_run import SearchRun
from .tensorboard_view import TensorBoardView


@contextmanager
def watching(
    run: SearchRun, folder: OutputFolder, console: Console, *, dashboard: str | None
) -> Iterator[list[Callback]]:
    """Show `run` for the length of the block: on `console`, as metrics, in TensorBoard.

    `dashboard` is the HOST:PORT of Ray's, if it has one.
    """
    for line in where_to_watch(run, folder, dashboard):
        console.print(line, soft_wrap=True, highlight=False)
    with ExitStack() as stack:
        callbacks: list[Callback] = [
            stack.enter_context(ProgressView(run, console)),
            stack.enter_context(MetricsView(run)),
        ]
        if run.spec.tensorboard != "off":
            callbacks.append(stack.enter_context(TensorBoardView(run, folder)))
        yield callbacks


def where_to_watch(run: SearchRun, folder: OutputFolder, dashboard: str | None) -> list[str]:
    """What is searched, where its rows go, and where it can be watched."""
    spec = run.spec
    lines = [
        f"search       {spec.name}: {len(run.studies)} studies of {spec.budget.trials} trials",
        f"output       {folder.uri}",
    ]
    if spec.tensorboard != "off":
        lines.append(f"TensorBoard  tensorboard --logdir {shlex.quote(folder.uri)}/tensorboard")
    if dashboard:
        lines.append(f"dashboard    http://{dashboard} (its token: ray get-auth-token)")
    return lines
