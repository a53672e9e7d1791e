"""Several hidden layers by hand: each folds what is to be squared, the last squares the rest."""

from typing import Protocol

from .affine import Affine, total
from .carrying import carried
from .configuration import Configuration
from .folding_plan import FitPlan, FoldPlan, plans_of
from .shallow import fitted_square
from .squares import SQUARES

_NOTHING = Affine({})


def folded_nmse(configuration: Configuration) -> float:
    """Return the nmse of `folded_network`."""
    squares = SQUARES[configuration.inputs]
    plans = plans_of(configuration.layer_sizes, squares, configuration.dimension)
    return sum(plan.fit.error for plan in plans) / squares.variance / len(plans)


def folded_network(configuration: Configuration) -> list[list[Affine]]:
    """Return the units of each layer, for inputs of scale 1 without their products."""
    squares, dimension = SQUARES[configuration.inputs], configuration.dimension
    plans = plans_of(configuration.layer_sizes, squares, dimension)
    parts = [
        _part_of(plan, weight, x, squares.least)
        for plan, (weight, x) in zip(plans, squares.terms(dimension), strict=True)
    ]
    network: list[list[Affine]] = []
    result = _NOTHING
    for number, size in enumerate(configuration.layer_sizes):
        units: list[Affine] = []
        sums = []
        if number > 0:
            below = total([result, *(part.below(number) for part in parts)])
            units, result = carried(below, size, dimension)
            sums.append(result)
        for part in parts:
            more, added = part.units(number, len(units))
            units += more
            sums.append(added)
        network.append(units)
        result = total(sums)
    return [*network, [result]]


class _Part(Protocol):
    """One square's part of a network; asked layer by layer."""

    def below(self, layer: int) -> Affine:
        """What it adds to the sum that the layer carries, of the units below it."""

    def units(self, layer: int, first: int) -> tuple[list[Affine], Affine]:
        """Its units in the layer, numbered from `first`, and what these add to the sum."""


def _part_of(plan: FitPlan | FoldPlan, weight: float, x: Affine, least: float) -> _Part:
    if isinstance(plan, FitPlan):
        return _Fitted(plan, weight, x)
    return _Folded(plan, weight, x, least)


class _Fitted:
    """A square that the first layer holds by itself; see `_Part`."""

    def __init__(self, plan: FitPlan, weight: float, x: Affine) -> None:
        self._plan, self._weight, self._x = plan, weight, x

    def below(self, layer: int) -> Affine:
        return _NOTHING

    def units(self, layer: int, first: int) -> tuple[list[Affine], Affine]:
        if layer > 0:
            return [], _NOTHING
        units, square = fitted_square(self._x, self._plan.fit, first)
        return units, (square - 1.0) * self._weight


class _Folded:
    """A square that layers fold; see `_Part`."""

    def __init__(self, plan: FoldPlan, weight: float, x: Affine, least: float) -> None:
        self._plan, self._weight = plan, weight
        self._left, self._least = x, least
        """What is left to be squared, as a function of the layer below, and what it is above."""

    def below(self, layer: int) -> Affine:
        """The square's course on its leftmost piece: the last units turn it from there on."""
        if layer != len(self._plan.folds):
            return _NOTHING
        fit = self._plan.fit
        middle = -self._plan.knots * fit.width / 2
        line = self._left * (2 * middle) + (fit.mean_square - middle**2 - 1.0)
        return line * self._weight

    def units(self, layer: int, first: int) -> tuple[list[Affine], Affine]:
        last = len(self._plan.folds)
        if layer < last:
            return self._fold(layer, first)
        if layer > last:
            return [], _NOTHING
        width = self._plan.fit.width
        units = [self._left - end for end in _between(self._plan.knots + 1, width)]
        turns = {first + number: 2 * width for number in range(len(units))}
        return units, Affine(turns) * self._weight

    def _fold(self, layer: int, first: int) -> tuple[list[Affine], Affine]:
        """Fold what is left into pieces around 0, the last of slope 1.

        The first unit carries it on, the others turn it round. What they add to the sum is its
        square less that of what is left then.
        """
        pieces, width = self._plan.folds[layer], self._width_after(layer)
        left, least = self._left, self._least
        units = [left - least, *(left - end for end in _between(pieces, width))]
        further = range(1, pieces)
        slope = -1.0 if pieces % 2 == 0 else 1.0
        middle = -(pieces - 1) * width / 2
        turns = {first + number: 2 * slope * (-1.0) ** number for number in further}
        self._left = Affine({first: slope, **turns}, slope * (least - middle))
        self._least = min(-width / 2, least - middle) if slope > 0 else -width / 2
        bends = {first + number: 2 * width for number in further}
        added = Affine({first: 2 * middle, **bends}, 2 * middle * least - middle**2)
        return units, added * self._weight

    def _width_after(self, layer: int) -> float:
        """Of the pieces into which a layer folds: what later layers do lies within one."""
        width = self._plan.fit.width * (self._plan.knots + 1)
        for pieces in self._plan.folds[layer + 1 :]:
            width *= pieces
        return width


def _between(pieces: int, width: float) -> list[float]:
    """The ends between so many pieces around 0."""
    return [width * (number - pieces / 2) for number in range(1, pieces)]
