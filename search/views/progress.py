"""A running search in the terminal: a live table of its studies, or plain lines in a log."""

import math
import time
from collections.abc import Sequence
from statistics import median
from typing import Any

from ray.tune.experiment import Trial
from rich.console import Console
from rich.live import Live

from ..planning.search_plan import SearchPlan
from ..planning.standing import Standing, StudyStanding
from ..text.counted import counted
from ..text.number_notation import nmse_notation
from ..text.plain_text import say
from ..text.study_label import study_label
from ..tune.searcher import pack_of
from .guard import View
from .live_table import screen
from .pace import ended_text, pace

PLAIN_SECONDS = 10.0
"""A plain line at most so often."""
REFRESH_SECONDS = 0.25
"""The live table at most so often."""


class ProgressView(View):
    """Shows a search while Tune runs it: trials, best nmse so far, throughput, time left."""

    def __init__(self, plan: SearchPlan, console: Console, heading: Sequence[str] = ()) -> None:
        """Watch `plan`; write to `console`, the lines of `heading` first."""
        self._plan, self._console, self._heading = plan, console, heading
        self._standing = Standing(plan)
        self._shown_at = time.monotonic()
        self._announced = {name for name, study in plan.studies.items() if study.finished}
        self._live: Live | None = None

    def __enter__(self) -> "ProgressView":
        """Start the live table on a terminal."""
        for line in self._heading:
            say(self._console, line)
        if self._console.is_terminal:
            self._live = Live(console=self._console, auto_refresh=False, transient=True)
            self._live.start()
            self._refresh()
        return self

    def __exit__(self, *error: object) -> None:
        """Take the live table away; in a log, say how it stands at the end."""
        if self._live is not None:
            self._live.stop()
            return
        self._standing.update()
        self._announce()
        self._print_line()

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Trial, result: dict[str, Any], **info: Any
    ) -> None:
        """Called by Tune for each report of a pack."""
        if "at_step" in result:
            self._standing.report(pack_of(trial), result["at_step"])

    def on_trial_complete(
        self, iteration: int, trials: list[Any], trial: Trial, **info: Any
    ) -> None:
        """Called by Tune after the searcher has taken in a pack's rows."""
        self._standing.end(pack_of(trial))

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Trial, **info: Any) -> None:
        """Called by Tune when a pack has failed: it begins again, or its study has stopped."""
        self._standing.end(pack_of(trial))

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        """Called by Tune after every turn of its loop."""
        every = PLAIN_SECONDS if self._live is None else REFRESH_SECONDS
        if time.monotonic() - self._shown_at < every:
            return
        self._shown_at = time.monotonic()
        self._standing.update()
        if self._live is not None:
            self._refresh()
        else:
            self._announce()
            self._print_line()

    def _refresh(self) -> None:
        assert self._live is not None
        options = self._console.options
        self._live.update(
            screen(
                self._standing,
                width=self._console.width,
                height=self._console.height,
                ascii_only=options.ascii_only,
            ),
            refresh=True,
        )

    def _print_line(self) -> None:
        say(self._console, plain_line(self._standing))

    def _announce(self) -> None:
        """Say once of each study that it has finished."""
        for name, study in self._plan.studies.items():
            if name in self._announced or not study.finished:
                continue
            self._announced.add(name)
            outcome = outcome_text(self._standing.studies[name])
            say(self._console, f"{study_label(name)} done: {outcome}")


def plain_line(standing: Standing) -> str:
    """The whole search in one line, for a log: the best only where all studies have one task."""
    statuses, studies = standing.statuses, standing.plan.studies
    parts = [f"{ended_text(standing.ended, standing.plan.trials)} trials"]
    parts += [f"{statuses[status]} {status}" for status in ("pruned", "diverged")]
    if len(studies) > 1:
        done = sum(study.finished for study in studies.values())
        parts.append(f"{done}/{len(studies)} studies done")
    found = [study for study in standing.studies.values() if study.best is not None]
    if found and len({tuple(study.study.task.items()) for study in studies.values()}) == 1:
        study = min(found, key=lambda each: each.best_nmse[-1])
        best = nmse_notation([study.best])(study.best)
        parts.append(f"best nmse {best} ({study_label(study.name)})")
    return " · ".join([*parts, *pace(standing)])


def outcome_text(study: StudyStanding) -> str:
    """What a finished study came to: its confirmed nmse, where it was confirmed."""
    trials = counted(study.ended, "trial")
    number = nmse_notation([study.best, *study.confirmed])
    if study.best is None:
        return f"none of {trials} completed"
    if not study.confirmed:
        return f"lowest nmse {number(study.best)} of {trials}, not confirmed"
    replicates = counted(len(study.confirmed), "replicate")
    middle, lost = median(study.confirmed), study.confirmed.count(math.inf)
    if math.isinf(middle):
        return f"{lost} of {replicates} diverged, {trials}"
    low, high = number(min(study.confirmed)), number(max(study.confirmed))
    spread = replicates if low == high else f"{low} to {high} in {replicates}"
    if lost:
        spread = f"{lost} of {replicates} diverged"
    return f"nmse {number(middle)} ({spread}), {trials}"
