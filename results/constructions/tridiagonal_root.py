"""Newton's method for numbers of which each depends on its neighbours alone."""

from collections.abc import Callable

import numpy as np

from .normal_quadrature import Array

_NEWTON_STEPS = 50
_SMALL_STEP = 1e-9
"""Of the outermost knot: the next step would be its square."""


def tridiagonal_root(function: Callable[[Array], Array], knots: Array) -> Array:
    """Return the knots, ascending above 0, at which `function` is 0, from some that are near.

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
