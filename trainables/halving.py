"""Successive halving inside a pack: when members are judged, and who goes on."""

import math
from collections.abc import Mapping

from .pack import Halving


def rungs(halving: Halving | None, steps: int) -> tuple[int, ...]:
    """The steps before the last at which a pack is evaluated, ascending.

    With halving grace_period * reduction_factor**i; without, an eighth, a quarter and a half of
    the steps, so that every trial has a curve.
    """
    if halving is None:
        return tuple(sorted({steps // 8, steps // 4, steps // 2} - {0}))
    marks = []
    mark = halving.grace_period
    while mark < steps:
        marks.append(mark)
        mark *= halving.reduction_factor
    return tuple(marks)


def survivors(losses: Mapping[int, float], halving: Halving) -> set[int]:
    """Who goes on after a rung, of the members (keys) alive with finite losses.

    Ties go to the lower key. At least `min_survivors` stay, or all where there are fewer.
    """
    keep = max(math.ceil(len(losses) / halving.reduction_factor), halving.min_survivors)
    ranked = sorted(losses, key=lambda key: (losses[key], key))
    return set(ranked[:keep])
