"""How many parameters a network has, and how wide one may be that has no more than so many."""

from bisect import bisect_right
from itertools import pairwise


def parameter_count(*, inputs: int, units: tuple[int, ...]) -> int:
    """The weights and biases of a network: `units` of each hidden layer, then one output.

    >>> parameter_count(inputs=3, units=(1,) * 31)  # 66, as the notebook counts [1] * 30 at d = 1
    66
    """
    sizes = (inputs, *units, 1)
    return sum((below + 1) * above for below, above in pairwise(sizes))


def largest_width(parameters: int, *, inputs: int, depth: int) -> int:
    """The units of each of `depth` hidden layers with which a network has no more `parameters`.

    1 without a hidden layer, where the width means nothing; 0 where even that is too much.

    >>> largest_width(61, inputs=4, depth=2), largest_width(60, inputs=4, depth=2)
    (5, 4)
    """
    if depth == 0:
        return int(parameter_count(inputs=inputs, units=()) <= parameters)
    widths = range(1, parameters + 1)
    return bisect_right(
        widths, parameters, key=lambda width: parameter_count(inputs=inputs, units=(width,) * depth)
    )
