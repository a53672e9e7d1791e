"""Integrals against the standard normal density, by Gauss and Legendre's rule.

Errors of a good fit are differences of nearly equal numbers. The closed forms of normal moments
lose their digits there; the rule adds up the squares of the small differences themselves.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(32)
TAIL = 10.0
"""Beyond any knot by so much, the normal density is below 1e-22 of what it is at 0."""


def quadrature(left: Array, right: Array) -> tuple[Array, Array]:
    """Return the nodes within each interval, and their weights: the density is in them.

    Both are (intervals, nodes). The rule is exact to rounding for polynomials of low degree, on
    intervals of up to `TAIL`, the tail beyond the last knot among them.
    """
    half = (right - left)[:, None] / 2
    nodes = (left + right)[:, None] / 2 + half * _NODES
    return nodes, half * _WEIGHTS * np.exp(-(nodes**2) / 2) / np.sqrt(2 * np.pi)


def rounded(number: float) -> float:
    """Return ten digits of a number: the same from every processor, whose exp may differ beyond."""
    return float(f"{number:.10g}")
