"""How wide a network may be that has no more than so many parameters."""

from bisect import bisect_right

from .vocabulary import uniform_parameter_count


def largest_width(parameters: int, *, inputs: int, depth: int) -> int:
    """The units of each of `depth` hidden layers with which a network has no more `parameters`.

    1 without a hidden layer, where the width means nothing; 0 where even that is too much.

    >>> largest_width(61, inputs=4, depth=2), largest_width(60, inputs=4, depth=2)
    (5, 4)
    """
    if depth == 0:
        return int(uniform_parameter_count(inputs=inputs, width=1, depth=0) <= parameters)
    return bisect_right(
        range(1, parameters + 1),
        parameters,
        key=lambda width: uniform_parameter_count(inputs=inputs, width=width, depth=depth),
    )
