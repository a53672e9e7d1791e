"""What float32, in which networks are trained, can hold of a task and of a learning rate.

Every bound follows from float32 alone, for the largest numbers that can be drawn:

- The label of a pair is at most D x^2, with D the dimension and x the largest entry of an input. An
  error is taken for at most twice the label and its noise, a gradient for twice the error times the
  largest input, which may be a product. Adam keeps the square of the gradient: it must be finite.
- Labels have the variance D scale^4. An error of one unit of rounding is the least that a network
  can leave; its square must not underflow, or the loss of a good network would be 0.
- A step of Adam moves each weight by the learning rate. Already a linear network's predictions
  after one step must be such errors.
- Adam divides by its epsilon alone where a gradient was never anything but 0.
"""

import math
from collections.abc import Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, Context
from typing import Any

from .faults import Fault
from .given_values import known_values
from .label_scale import scale_of

LARGEST = (2 - 2**-23) * 2.0**127
SMALLEST = 2.0**-126
"""The smallest positive number of full precision; kernels take what is below for 0."""
ROUNDING = 2.0**-24
LARGEST_NORMAL = math.sqrt(2 * math.log(2**53))
"""The largest normal number that 53 random bits (a double's) give by Box and Muller's method."""
_DIGITS = 3
"""Of the bounds in messages."""


def scale_bounds(smallest_dimension: int, largest_dimension: int) -> tuple[float, float]:
    """Return the least and the greatest scale for tasks of these dimensions."""
    lowest = (SMALLEST / ROUNDING**2 / smallest_dimension) ** 0.25
    room = math.sqrt(LARGEST) / 8 / largest_dimension  # for x^2, and for x^4 where x > 1
    return lowest, max(room, 1.0) ** 0.25 * min(room, 1.0) ** 0.5 / LARGEST_NORMAL


def noise_bounds(scale: float) -> tuple[float, float]:
    """Return the least and the greatest standard deviation of label noise; 0 is allowed too."""
    greatest = math.sqrt(LARGEST) / 8 / _largest_input(scale) / LARGEST_NORMAL
    return SMALLEST, greatest


def learning_rate_bounds(dimension: int, scale: float) -> tuple[float, float]:
    """Return the least and the greatest learning rate for a task."""
    inputs = 3 * dimension + 1
    return SMALLEST, math.sqrt(LARGEST) / 2 / _largest_input(scale) ** 2 / inputs


def _largest_input(scale: float) -> float:
    """An entry, a product of two, or the 1 that multiplies the bias."""
    return max(1.0, (LARGEST_NORMAL * scale) ** 2)


def float32_faults(data: Mapping[str, Any]) -> list[Fault]:
    """Return a fault for each number of a spec that float32 can't hold, with the others it has.

    `data` is the spec as a mapping, with its defaults; what is broken in it is left to others.
    """
    names = ("dimension", "rank")
    dimensions = [each for name in names for _, each in known_values(data, name)] or [1]
    smallest, largest = min(dimensions), max(dimensions)
    spread = str(smallest) if smallest == largest else f"{smallest} to {largest}"
    of_scale = scale_bounds(smallest, largest)
    faults = _outside(data, "scale", of_scale, f"with dimension {spread}")
    of_labels = of_scale[0] ** 2 * math.sqrt(largest), of_scale[1] ** 2 * math.sqrt(smallest)
    faults += _outside(data, "label_std", of_labels, f"with dimension {spread}")
    given = [each for _, each in known_values(data, "scale")]
    given += [
        scale_of(min(each, of_labels[1]), smallest) for _, each in known_values(data, "label_std")
    ]
    scale = max((min(each, of_scale[1]) for each in given), default=1.0)
    faults += _outside(
        data, "label_noise_std", noise_bounds(scale), f"with scale {scale:g}", or_zero="0 or "
    )
    faults += _outside(data, "epsilon", (SMALLEST, LARGEST), "for Adam to divide by")
    return faults + _outside(
        data,
        "learning_rate",
        learning_rate_bounds(largest, scale),
        f"with dimension {largest} and scale {scale:g}",
    )


def _outside(
    data: Mapping[str, Any],
    name: str,
    bounds: tuple[float, float],
    circumstances: str,
    or_zero: str = "",
) -> list[Fault]:
    # Rounded inwards, so that what a message says would do does.
    low = float(Context(prec=_DIGITS, rounding=ROUND_CEILING).create_decimal_from_float(bounds[0]))
    high = float(Context(prec=_DIGITS, rounding=ROUND_FLOOR).create_decimal_from_float(bounds[1]))
    rule = f"must be {or_zero}between {low:g} and {high:g} {circumstances}: float32 can't hold more"
    return [
        Fault(path=path, rule=rule, got=value, next_step=f"write {min(max(value, low), high):g}")
        for path, value in known_values(data, name)
        if not (low <= value <= high or (or_zero and value == 0))
    ]
