"""The dot product as a sum of squares of independent random numbers.

With u = (a + b) / sqrt 2 and v = (a - b) / sqrt 2 a product of two entries is (u^2 - v^2) / 2.
Where the entries are normal, u and v are independent and normal too, so that the errors of all the
squares add up. Where they are -1 or 1, u^2 + v^2 = 2, so that a b = u^2 - 1.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from .affine import Affine
from .folded_square import FoldedSquare, normal_folded_square
from .square_fit import SquareFit, normal_square_fit


@dataclass(frozen=True, kw_only=True)
class Squares:
    """A product of two entries of mean 0 and variance 1: the sum of `weight * (x^2 - 1)`.

    The squares have a mean of 1.
    """

    weights: Mapping[int, float]
    """Of the squares of (a + b) / sqrt 2 and (a - b) / sqrt 2, by the sign of b."""
    variance: float
    """Of each square."""
    least: float
    """Below the numbers squared: with a probability of 1e-23 they are not above it."""
    fit: Callable[[int], SquareFit]
    """Of one hidden layer with so many knots on either side."""
    folded: Callable[[int], FoldedSquare]
    """Of several layers with so many pieces in all."""
    most_pieces: int
    """Units that would make more are left unused: float32 could do no better."""

    def count(self, dimension: int) -> int:
        """The number of squares in the dot product."""
        return len(self.weights) * dimension

    def terms(self, dimension: int) -> Sequence[tuple[float, Affine]]:
        """The weight of each square, and the number to be squared as a function of [a, b]."""
        return [
            (weight, Affine({entry: 0.5**0.5, dimension + entry: sign * 0.5**0.5}))
            for entry in range(dimension)
            for sign, weight in self.weights.items()
        ]


def _three_valued_fit(knots: int) -> SquareFit:
    """Of -sqrt 2, 0 and sqrt 2: exact with a knot at 0, x^2 = sqrt 2 |x|."""
    if knots == 0:
        return SquareFit((), (), 1.0, 1.0)
    return SquareFit((0.0,), (math.sqrt(2),), 0.0, 0.0)


def _three_valued_folded_square(pieces: int) -> FoldedSquare:
    """Of the same: all three are ends of pieces, or all three are middles."""
    exact = FoldedSquare(math.sqrt(2), 0.0 if pieces % 2 else 0.5, 0.0)
    return exact if pieces > 1 else FoldedSquare(math.sqrt(2), 1.0, 1.0)


SQUARES: Mapping[str, Squares] = {
    "normal": Squares(
        weights={1: 0.5, -1: -0.5},
        variance=2.0,
        least=-10.0,
        fit=normal_square_fit,
        folded=normal_folded_square,
        most_pieces=1024,  # an nmse of 6e-11
    ),
    "rademacher": Squares(
        weights={1: 1.0},
        variance=1.0,
        least=-math.sqrt(2),
        fit=_three_valued_fit,
        folded=_three_valued_folded_square,
        most_pieces=2,
    ),
}
"""By the distribution of the entries. Those of uniform ones are not independent."""
