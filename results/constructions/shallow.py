"""One hidden layer by hand, carried on by whatever layers follow."""

from collections.abc import Sequence

from .affine import Affine, total
from .carrying import carried
from .configuration import Configuration
from .square_fit import SquareFit
from .squares import SQUARES, Squares


def shallow_nmse(configuration: Configuration) -> float:
    """Return the nmse of `shallow_network`."""
    if configuration.multiplication:
        return 0.0
    if not configuration.layer_sizes:
        return 1.0
    squares = SQUARES[configuration.inputs]
    fewer, more, with_more = _shares(configuration, squares)
    without = squares.count(configuration.dimension) - with_more
    errors = without * squares.fit(fewer).error + with_more * squares.fit(more).error
    return errors / squares.variance / (without + with_more)


def shallow_network(configuration: Configuration) -> list[list[Affine]]:
    """Return the units of each layer, for inputs of scale 1.

    With the products as inputs nothing is left but to add them up. Else the first hidden layer
    holds the squares of `SQUARES` (without one the mean, 0), and of each further layer two units,
    or the one that there is, carry their sum.
    """
    dimension, sizes = configuration.dimension, list(configuration.layer_sizes)
    network = []
    if configuration.multiplication:
        result = Affine({2 * dimension + entry: 1.0 for entry in range(dimension)})
    elif sizes:
        first, result = _squared(configuration, SQUARES[configuration.inputs])
        network.append(first)
        sizes = sizes[1:]
    else:
        result = Affine({})
    for size in sizes:
        units, result = carried(result, size, dimension)
        network.append(units)
    return [*network, [result]]


def fitted_square(x: Affine, fit: SquareFit, first: int) -> tuple[list[Affine], Affine]:
    """Return the units that hold a square, numbered from `first`, and it as a function of them."""
    units: list[Affine] = []
    weights: dict[int, float] = {}
    for knot, slope in zip(fit.knots, fit.slopes, strict=True):
        for facing in (x, -x):
            weights[first + len(units)] = slope
            units.append(facing - knot)
    return units, Affine(weights, fit.constant)


def _shares(configuration: Configuration, squares: Squares) -> tuple[int, int, int]:
    """Knots on either side of most squares, of the first ones, and how many have those.

    The error falls ever slower with the knots: they are spread as evenly as twos of units go.
    """
    units = configuration.layer_sizes[0]
    fewer, with_more = divmod(units // 2, squares.count(configuration.dimension))
    return fewer, fewer + 1, with_more


def _squared(configuration: Configuration, squares: Squares) -> tuple[list[Affine], Affine]:
    fewer, more, with_more = _shares(configuration, squares)
    layer: list[Affine] = []
    parts: list[Affine] = []
    terms: Sequence[tuple[float, Affine]] = squares.terms(configuration.dimension)
    for number, (weight, x) in enumerate(terms):
        fit = squares.fit(more if number < with_more else fewer)
        units, square = fitted_square(x, fit, len(layer))
        layer += units
        parts.append((square - 1.0) * weight)
    return layer, total(parts)
