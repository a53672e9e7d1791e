"""Everything that shows a running search to people, as one list of Tune callbacks."""

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
def watching(run: SearchRun, folder: OutputFolder, console: Console) -> Iterator[list[Callback]]:
    """Show `run` for the length of the block: on `console`, as metrics, in TensorBoard."""
    with ExitStack() as stack:
        callbacks: list[Callback] = [
            stack.enter_context(ProgressView(run, console)),
            stack.enter_context(MetricsView(run)),
        ]
        if run.spec.tensorboard != "off":
            callbacks.append(stack.enter_context(TensorBoardView(run, folder)))
        yield callbacks
