"""The square of a random number as one hidden layer of ReLU units holds it."""

import math
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist

import numpy as np

from .normal_quadrature import TAIL, Array, quadrature, rounded
from .tridiagonal_root import tridiagonal_root

MOST_KNOTS = 512
"""On either side: what more could gain is beyond float32."""


@dataclass(frozen=True)
class SquareFit:
    """The function `constant + sum of slopes[j] * (relu(x - knots[j]) + relu(-x - knots[j]))`.

    Left- and right-facing units come in twos, so that no linear term is left between the innermost
    knots, where a layer of ReLU units has none to spare. `error` is the mean squared error.
    """

    knots: tuple[float, ...]
    """At 0 or above, ascending."""
    slopes: tuple[float, ...]
    constant: float
    error: float


@cache
def normal_square_fit(knots: int) -> SquareFit:
    """Return the best fit of x^2, x ~ N(0, 1), with `knots` knots on either side of 0.

    With the best knots, the error is orthogonal to 1 and to x on every piece by itself (from the
    derivatives by the knots and by the slopes together): on each it is the monic polynomial of
    degree 2 that is orthogonal to them. The knots are where the polynomials of neighbours agree, so
    that the fit is continuous. Newton's method finds them from the quantiles of N(0, 5), which they
    approach (Barrow and Smith 1978, "Asymptotic properties of best L2[0, 1] approximation by
    splines with variable knots", with the normal density for a weight).
    """
    knots = min(knots, MOST_KNOTS)
    if knots == 0:
        return SquareFit((), (), 1.0, 2.0)
    start = NormalDist(0, math.sqrt(5)).inv_cdf
    positions = np.array([start((knots + 1 + j) / (2 * knots + 1)) for j in range(knots)])
    positions = tridiagonal_root(_jumps, positions)
    pieces = _Pieces(positions)
    return SquareFit(
        knots=tuple(map(rounded, positions)),
        slopes=tuple(map(rounded, np.diff(pieces.slopes))),
        constant=rounded(positions[0] ** 2 - pieces.errors_right[0]),
        error=rounded(pieces.mean_squares[0] + 2 * pieces.mean_squares[1:].sum()),
    )


class _Pieces:
    """The errors of the pieces between knots, from the middle one, [-knots[0], knots[0]], on.

    On each the error is h^2 ((z - mean)^2 - skew (z - mean) - variance), with the moments of z =
    (x - middle) / h, which runs from -1 to 1.
    """

    def __init__(self, knots: Array) -> None:
        left = np.concatenate([-knots[:1], knots])
        right = np.append(knots, knots[-1] + TAIL)
        nodes, weights = quadrature(left, right)
        middle, half = (left + right) / 2, (right - left) / 2
        z = (nodes - middle[:, None]) / half[:, None]
        mass = weights.sum(1)
        mean = (weights * z).sum(1) / mass
        deviation = z - mean[:, None]
        variance = (weights * deviation**2).sum(1) / mass
        skew = (weights * deviation**3).sum(1) / mass / variance

        def error(z: Array, square: Array, skew: Array, variance: Array) -> Array:
            return square * (z**2 - skew * z - variance)

        self.errors_left = error(-1 - mean, half**2, skew, variance)
        self.errors_right = error(1 - mean, half**2, skew, variance)
        inside = error(deviation, (half**2)[:, None], skew[:, None], variance[:, None])
        self.mean_squares = (weights * inside**2).sum(1)
        self.slopes = 2 * (middle + half * mean) + half * skew


def _jumps(knots: Array) -> Array:
    """How far the errors of the two pieces beside each knot differ there."""
    pieces = _Pieces(knots)
    jumps: Array = pieces.errors_left[1:] - pieces.errors_right[:-1]
    return jumps
