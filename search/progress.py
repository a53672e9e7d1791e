"""Progress of a running search: one live line on a terminal, plain lines elsewhere."""

import time
from typing import Any

from ray.tune import Callback
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from .search_run import SearchRun

PLAIN_SECONDS = 10.0
"""A plain line at most so often."""


class ProgressLine(Callback):
    """Shows trials done, pruned, diverged, the best nmse so far and the time left."""

    def __init__(self, run: SearchRun, console: Console) -> None:
        """Watch `run`; write to `console`."""
        self._run, self._console = run, console
        self._began = time.monotonic()
        self._ended_before = run.trials_ended
        self._printed_at = self._began
        self._bar: Progress | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune stores its callbacks, and a terminal can't be stored."""
        return {}

    def __enter__(self) -> "ProgressLine":
        """Start the live line on a terminal."""
        if self._console.is_terminal:
            self._bar = Progress(
                SpinnerColumn(),
                BarColumn(bar_width=20),
                MofNCompleteColumn(),
                TextColumn("{task.description}"),
                console=self._console,
                transient=True,
            )
            self._bar.add_task(self._text(), total=self._run.trials)
            self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Take the live line away."""
        if self._bar is not None:
            self._bar.stop()

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        """Called by Tune after every turn of its loop."""
        if self._bar is not None:
            self._bar.update(
                self._bar.task_ids[0], completed=self._run.trials_ended, description=self._text()
            )
        elif time.monotonic() - self._printed_at >= PLAIN_SECONDS:
            self._printed_at = time.monotonic()
            self._console.print(
                f"{self._run.trials_ended}/{self._run.trials} {self._text()}", soft_wrap=True
            )

    def _text(self) -> str:
        run = self._run
        parts = ["trials"]
        parts += [f"{run.statuses[status]} {status}" for status in ("pruned", "diverged")]
        if best := run.best:
            study = min(best, key=lambda name: best[name])
            parts.append(f"best nmse {best[study]:.2g} ({study})")
        parts.append(self._time_left())
        return " · ".join(parts)

    def _time_left(self) -> str:
        done = self._run.trials_ended - self._ended_before
        left = self._run.trials - self._run.trials_ended
        if left == 0:
            return "confirming"
        if done == 0:
            return "starting"
        seconds = (time.monotonic() - self._began) * left / done
        minutes, seconds = divmod(round(seconds), 60)
        return f"{minutes}:{seconds:02d} left"
