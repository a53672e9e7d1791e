"""The square of a random number as folds hold it: equal pieces, as many as the layers multiply to.

On a piece around c, x^2 = (x - c)^2 + (2 c x - c^2). The second part is linear there, and of all
pieces of one width together a continuous function. The first is the square of the distance to the
nearest c, which is x folded at the ends of the pieces: a smaller square, to be folded again by the
next layer (Yarotsky 2017, arXiv:1610.01145, proposition 2, for pieces of two; Telgarsky 2016,
arXiv:1602.04485, lemma 3.11: that p units fold into p). What is left of it in the end is taken for
its mean.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from .normal_quadrature import TAIL, Array, quadrature, rounded

_GOLDEN = (5**0.5 - 1) / 2
_LEAST_SPAN, _LARGEST_SPAN = 1.0, 10.0
"""Of all pieces, on either side of 0."""
_SEARCH_STEPS = 20
"""To 1e-4 of the width, which is 1e-8 of the error: it is least there."""


@dataclass(frozen=True)
class FoldedSquare:
    """The square as its pieces of one `width` around 0 hold it; the outermost have no end.

    The square of the distance to the middle of the nearest piece is taken for `mean_square`;
    `error` is the mean squared error.
    """

    width: float
    mean_square: float
    error: float


@cache
def normal_folded_square(pieces: int) -> FoldedSquare:
    """Return the best of so many pieces for x ~ N(0, 1): their width is searched."""

    def error(span: float) -> float:
        return _folded(pieces, 2 * span / pieces).error

    width = rounded(2 * _minimum(error, _LEAST_SPAN, _LARGEST_SPAN) / pieces)
    best = _folded(pieces, width)
    return FoldedSquare(width, rounded(best.mean_square), rounded(best.error))


def _folded(pieces: int, width: float) -> FoldedSquare:
    """The pieces on the right of 0, half of one that lies around it: the left is their image."""
    numbers = np.arange(pieces // 2, pieces + 1, dtype=np.float64)
    ends: Array = width * (numbers - pieces / 2)
    left, right = np.maximum(ends[:-1], 0.0), ends[1:].copy()
    right[-1] += TAIL
    middles = ends[1:] - width / 2
    nodes, weights = quadrature(left, right)
    squares = (nodes - middles[:, None]) ** 2
    mean = float(2 * (weights * squares).sum())
    return FoldedSquare(width, mean, float(2 * (weights * (squares - mean) ** 2).sum()))


def _minimum(function: Callable[[float], float], low: float, high: float) -> float:
    """Return where a function of one valley is least, by golden sections."""
    inner, outer = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_inner, at_outer = function(inner), function(outer)
    for _ in range(_SEARCH_STEPS):
        if at_inner < at_outer:
            high, outer, at_outer = outer, inner, at_inner
            inner = high - _GOLDEN * (high - low)
            at_inner = function(inner)
        else:
            low, inner, at_inner = inner, outer, at_outer
            outer = low + _GOLDEN * (high - low)
            at_outer = function(outer)
    return (low + high) / 2
