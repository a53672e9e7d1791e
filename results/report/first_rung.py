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
    pruned = {row.key for row in outcome.trials if row.status == "pruned"}
    # A trial that stopped early at its first point, or has no rung, was judged there by its end.
    points = {key: curve for key, curve in curves.items() if len(curve) > 1 or key in pruned}
    if not points:
        at_end = [
            Judged(trial=row, nmse=row.nmse) for row in outcome.trials if row.nmse is not None
        ]
        return FirstRung(step=None, judged=at_end)
    step = min(curve[0].step for curve in points.values() if curve)
    judged = [
        Judged(trial=row, nmse=points[row.key][0].nmse)
        for row in outcome.trials
        if row.key in points and points[row.key][0].step == step
    ]
    return FirstRung(step=step, judged=judged)
