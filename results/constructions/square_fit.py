"""The square of a random number as one hidden layer of ReLU units holds it."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist

import numpy as np

from .normal_quadrature import TAIL, Array, quadrature

MOST_KNOTS = 512
"""On either side: what more could gain is beyond float32."""
_NEWTON_STEPS = 50
_SMALL_STEP = 1e-9
"""Of the outermost knot: the next step would be its square."""


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
    positions = _root(_jumps, positions)
    pieces = _Pieces(positions)
    return SquareFit(
        knots=tuple(positions.tolist()),
        slopes=tuple(np.diff(pieces.slopes).tolist()),
        constant=float(positions[0] ** 2 - pieces.errors_right[0]),
        error=float(pieces.mean_squares[0] + 2 * pieces.mean_squares[1:].sum()),
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


def _root(function: Callable[[Array], Array], knots: Array) -> Array:
    """Return the knots at which `function` is 0, by Newton's method.

    Each of its values depends on a knot and its two neighbours alone.
    """
    for _ in range(_NEWTON_STEPS):
        step = _solve_tridiagonal(*_jacobian(function, knots), -function(knots))
        gaps = np.diff(knots, prepend=0.0)
        shrinking = float((-np.diff(step, prepend=0.0) / gaps).max())
        knots = knots + step / max(1.0, 2 * shrinking)  # they stay ascending
        if np.abs(step).max() < _SMALL_STEP * knots[-1]:
            break
    return knots


def _jacobian(function: Callable[[Array], Array], knots: Array) -> tuple[Array, Array, Array]:
    """Return the derivatives by the knot before, the knot itself and the knot after."""
    by_knot = np.zeros((3, len(knots)))
    shifts = 1e-5 * np.diff(knots, prepend=-knots[0])
    numbers = np.arange(len(knots))
    for first in range(3):  # every third knot at once: no value depends on two of them
        moved = np.where(numbers % 3 == first, shifts, 0.0)
        change = function(knots + moved) - function(knots - moved)
        for neighbour in (-1, 0, 1):
            rows = numbers[(numbers + neighbour) % 3 == first]
            rows = rows[(rows + neighbour >= 0) & (rows + neighbour < len(knots))]
            by_knot[neighbour + 1, rows] = change[rows] / (2 * shifts[rows + neighbour])
    return by_knot[0], by_knot[1], by_knot[2]


def _solve_tridiagonal(below: Array, diagonal: Array, above: Array, right: Array) -> Array:
    """Return the solution of a tridiagonal system, by elimination from the top."""
    diagonal, solution = diagonal.copy(), right.copy()
    for row in range(1, len(right)):
        factor = below[row] / diagonal[row - 1]
        diagonal[row] -= factor * above[row - 1]
        solution[row] -= factor * solution[row - 1]
    solution[-1] /= diagonal[-1]
    for row in range(len(right) - 2, -1, -1):
        solution[row] = (solution[row] - above[row] * solution[row + 1]) / diagonal[row]
    return solution
