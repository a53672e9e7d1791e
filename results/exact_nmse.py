"""Where a loss ends and rounding begins."""

import math

EXACT_NMSE = 1e-12
"""An nmse of this or less is that of an exact network: what is left is rounding."""


def log10_nmse(nmse: float) -> float:
    """The logarithm of an nmse, at least that of `EXACT_NMSE`: for scales that end somewhere.

    >>> log10_nmse(0.01), log10_nmse(0.0)
    (-2.0, -12.0)
    """
    return math.log10(max(nmse, EXACT_NMSE))
