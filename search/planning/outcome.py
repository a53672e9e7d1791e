"""What became of a trial, as samplers see it, and which of two outcomes is better."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from spaces.vocabulary import Status, Value


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one member of a finished pack."""

    hyperparameters: Mapping[str, Value | None]
    """The values of the space; None for what the member's optimiser doesn't read."""
    status: Status
    nmse: float | None
    """The final nmse; None unless completed."""
    rungs: tuple[tuple[int, float], ...] = ()
    """(step, nmse) of each evaluation on the way."""


def rank_of(outcome: Outcome) -> tuple[float, float]:
    """Where a sampler ranks the outcome: lower is better. Optuna's TPE ranks trials so.

    Completed trials by their nmse, then pruned ones: those that came further first, and by their
    nmse there; at last the diverged.
    """
    if outcome.status == "completed" and outcome.nmse is not None:
        return -math.inf, outcome.nmse
    if outcome.status == "diverged" or not outcome.rungs:
        return math.inf, 0.0
    step, nmse = max(outcome.rungs)
    return -step, math.inf if math.isnan(nmse) else nmse
