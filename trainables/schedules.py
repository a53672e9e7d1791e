"""What changes from step to step: factors on the learning rate, the weight of the average."""

import math
from collections.abc import Callable, Mapping


def _constant(step: int, steps: int) -> float:
    return 1.0


def _cosine(step: int, steps: int) -> float:
    """Half a cosine from 1 to 0 (Loshchilov & Hutter 2017, arXiv 1608.03983, without restarts)."""
    return 0.5 * (1.0 + math.cos(math.pi * step / steps))


def _linear(step: int, steps: int) -> float:
    return 1.0 - step / steps


def _one_cycle(step: int, steps: int) -> float:
    """Half a cosine from 1/25 to 1 in three tenths of the steps, half of one to 4e-6 in the others.

    One cycle of Smith & Topin 2018 (arXiv 1708.07120) as torch's OneCycleLR has it; the optimizer's
    momentum stays as it is.
    """
    top, last = 0.3 * steps - 1, steps - 1
    if step <= top:
        return _half_a_cosine(1 / 25, 1.0, step / top)
    return _half_a_cosine(1.0, 1 / 25e4, (step - top) / (last - top))


def _half_a_cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) / 2.0 * (1.0 + math.cos(math.pi * share))


AVERAGE_HORIZON = 0.1
"""The running average of the weights looks back over about this share of the steps done."""


def average_weight(step: int) -> float:
    """The share of the weights after `step` (from 0) in their running average."""
    return 1.0 / (AVERAGE_HORIZON * (step + 1) + 1.0)


SCHEDULES: Mapping[str, Callable[[int, int], float]] = {
    "constant": _constant,
    "cosine": _cosine,
    "linear": _linear,
    "one_cycle": _one_cycle,
}
"""Name -> factor at a step (counted from 0) of so many steps."""
