"""Stop rules: when the members of a pack are judged, and who goes on."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from .pack import Halving


class StopRule(Protocol):
    """Ends members before their last step, by their losses at rungs."""

    def rungs(self, steps: int) -> tuple[int, ...]:
        """The steps before the last at which a pack is evaluated, ascending."""

    def kept(self, members: int) -> int:
        """How many of so many members with finite losses go on after a rung."""

    def going(self, losses: Mapping[int, float]) -> set[int]:
        """Who goes on after a rung, of the members (keys) alive with finite losses."""


@dataclass(frozen=True)
class SuccessiveHalving:
    """The best `1 / reduction_factor` go on at grace_period * reduction_factor**i steps.

    At least `min_survivors` of them, or all where there are fewer. Ties go to the lower key.
    (Jamieson & Talwalkar 2016, arXiv 1502.07943.)
    """

    halving: Halving

    def rungs(self, steps: int) -> tuple[int, ...]:
        """See `StopRule`."""
        marks = []
        mark = self.halving.grace_period
        while mark < steps:
            marks.append(mark)
            mark *= self.halving.reduction_factor
        return tuple(marks)

    def kept(self, members: int) -> int:
        """See `StopRule`."""
        best = math.ceil(members / self.halving.reduction_factor)
        return min(members, max(best, self.halving.min_survivors))

    def going(self, losses: Mapping[int, float]) -> set[int]:
        """See `StopRule`."""
        ranked = sorted(losses, key=lambda key: (losses[key], key))
        return set(ranked[: self.kept(len(losses))])


class NobodyStops:
    """Every member does all steps. It is evaluated on the way, so that every trial has a curve."""

    def rungs(self, steps: int) -> tuple[int, ...]:
        """An eighth, a quarter and a half of the steps; see `StopRule`."""
        return tuple(sorted({steps // 8, steps // 4, steps // 2} - {0}))

    def kept(self, members: int) -> int:
        """See `StopRule`."""
        return members

    def going(self, losses: Mapping[int, float]) -> set[int]:
        """See `StopRule`."""
        return set(losses)


def stop_rule_of(halving: Halving | None) -> StopRule:
    """The stop rule of a pack."""
    return NobodyStops() if halving is None else SuccessiveHalving(halving)
