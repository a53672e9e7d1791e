"""Which units fold which square: how the units of several layers are divided among the squares."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from .folded_square import FoldedSquare
from .square_fit import SquareFit
from .squares import Squares


@dataclass(frozen=True)
class FitPlan:
    """A square that the first layer holds by itself."""

    fit: SquareFit


@dataclass(frozen=True)
class FoldPlan:
    """A square that layers fold, each into so many pieces, one after the other.

    The layer after them has the `knots` between the pieces of what is left.
    """

    folds: tuple[int, ...]
    knots: int
    fit: FoldedSquare


def plans_of(
    layer_sizes: Sequence[int], squares: Squares, dimension: int
) -> list[FitPlan | FoldPlan]:
    """Return the plan of each square: the better one of those that its units can do."""
    shares = _shares(layer_sizes, squares.count(dimension))
    plans = {share: _plan(share, squares) for share in set(shares)}
    return [plans[share] for share in shares]


def _plan(share: tuple[int, ...], squares: Squares) -> FitPlan | FoldPlan:
    fit = squares.fit(share[0] // 2 if share else 0)
    if len(share) < 2:
        return FitPlan(fit)
    folds: list[int] = []
    pieces, most = 1, squares.most_pieces
    for units in share[:-1]:
        folds.append(min(units, most // 2 // pieces))
        pieces *= folds[-1]
    knots = min(share[-1], most // pieces - 1)
    folded = squares.folded(pieces * (knots + 1))
    if fit.error <= folded.error:
        return FitPlan(fit)
    return FoldPlan(tuple(folds), knots, folded)


def _shares(layer_sizes: Sequence[int], squares: int) -> list[tuple[int, ...]]:
    """Each square's units in the layers, up to the first layer in which it has none.

    Two units of each further layer carry the sum. What is left over goes to the first squares in
    the first layer, and to the last ones in others: of a product even factors are best.
    """
    shares: list[tuple[int, ...]] = [()] * squares
    reached = range(squares)
    for layer, size in enumerate(layer_sizes):
        if not reached:
            break
        units, over = divmod(max(size - 2, 0) if layer else size, len(reached))
        more = reached[len(reached) - over :] if layer else reached[:over]
        for square in reached:
            shares[square] += (units + (square in more),)
        if units == 0:
            reached = more
    return [tuple(takewhile(bool, share)) for share in shares]
