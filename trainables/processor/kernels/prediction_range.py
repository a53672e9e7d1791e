"""Predictions within a range: low + span * sigmoid(x) of what a model puts out."""

from collections.abc import Callable

from .code import Code, Value
from .elementary import sigmoid

RANGE = (
    "low",  # the bits of a double: the lowest prediction
    "span",  # the bits of a double: from there to the highest
)

Ranged = Callable[[Value], tuple[Value, Value]]
"""Of what a model puts out the prediction, and what the error is multiplied by on its way back."""


def write_range(code: Code, slot: dict[str, Value]) -> Ranged:
    """What is to be written in a loop; before it stands what each round reads.

    Where the slot `backward` is 1 errors are multiplied by the derivative, else by 1.
    """
    low, span = (code.splat(code.bits_as_double(slot[name])) for name in RANGE)
    backward = code.splat(slot["backward"]) > 0

    def ranged(x: Value) -> tuple[Value, Value]:
        share, rest = sigmoid(code, x)
        return code.fma(span, share, low), code.select(backward, span * share * rest, 1.0)

    return ranged
