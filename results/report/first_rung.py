"""Where all trials of a study can be compared: at the first rung, before any was pruned."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..rows import TrialRow
from .curve import curves_by_trial
from .outcome import StudyOutcome


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A trial and its nmse where all were judged."""

    trial: TrialRow
    nmse: float


@dataclass(frozen=True, kw_only=True)
class FirstRung:
    """The trials of a study at its first rung, or at their end where there is no rung."""

    step: int | None
    """None where there is no rung."""
    judged: Sequence[Judged]
    """Without the trials that had diverged by then."""


def first_rung(outcome: StudyOutcome) -> FirstRung:
    """Compare a study's trials where none was pruned yet."""
    curves = curves_by_trial(row for row in outcome.curves if row.phase == "search")
    points = {key: curve for key, curve in curves.items() if curve}
    steps = {curve[0].step for curve in points.values()}
    ended = all(len(curve) == 1 for curve in points.values())
    if len(steps) != 1 or (ended and not _pruned(outcome)):
        at_end = [
            Judged(trial=row, nmse=row.nmse) for row in outcome.trials if row.nmse is not None
        ]
        return FirstRung(step=None, judged=at_end)
    judged = [
        Judged(trial=row, nmse=points[row.key][0].nmse)
        for row in outcome.trials
        if row.key in points
    ]
    return FirstRung(step=steps.pop(), judged=judged)


def _pruned(outcome: StudyOutcome) -> bool:
    return any(row.status == "pruned" for row in outcome.trials)
