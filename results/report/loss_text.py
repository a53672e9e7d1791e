"""Losses as people read them: two digits, one where the second is noise."""

import math
from collections.abc import Sequence

from ..exact_nmse import EXACT_NMSE

_PLAIN_FROM = 1e-3
"""Smaller losses are written with a power of ten, and so is all of a column that holds one."""


def is_exact(nmse: float | None) -> bool:
    """Whether an nmse is no more than rounding."""
    return nmse is not None and nmse <= EXACT_NMSE


def loss_text(nmse: float | None, digits: int = 2, *, power: bool | None = None) -> str:
    """An nmse in a sentence or a cell; `power`: with a power of ten, or by its size (None).

    >>> [loss_text(nmse) for nmse in (0.0096, 0.01, 1.0, 123.4, 6.04e-05, 9.1e-25, None)]
    ['0.0096', '0.010', '1.0', '120', '6.0e-05', 'exact', '-']
    >>> loss_text(0.0096, 1), loss_text(0.0096, power=True)
    ('0.01', '9.6e-03')
    """
    if nmse is None:
        return "-"
    if not math.isfinite(nmse):
        return "diverged"
    if is_exact(nmse):
        return "exact"
    if power is None:
        power = needs_power(nmse)
    rounded = float(f"{nmse:.{digits - 1}e}")
    if power:
        return f"{rounded:.{digits - 1}e}"
    decimals = max(digits - 1 - math.floor(math.log10(rounded)), 0)
    return f"{rounded:.{decimals}f}"


def needs_power(nmse: float) -> bool:
    """Whether an nmse is too small to be written without a power of ten."""
    return EXACT_NMSE < nmse < _PLAIN_FROM


def one_notation(values: Sequence[float | None]) -> bool:
    """Whether a column of these is written with powers of ten."""
    return any(value is not None and needs_power(value) for value in values)


def factor_text(factor: float) -> str:
    """How many times as much.

    >>> [factor_text(factor) for factor in (1.684, 0.0231, 26.4, 1234.0)]
    ['1.7', '0.023', '26', '1,200']
    """
    rounded = float(f"{factor:.1e}")
    if rounded >= 10:
        return f"{rounded:,.0f}"
    return f"{rounded:.{max(1 - math.floor(math.log10(rounded)), 0)}f}" if rounded > 0 else "0"


def value_text(value: float) -> str:
    """A hyperparameter's number: whole ones in full, others with three digits.

    >>> value_text(64), value_text(0.017345), value_text(0.1)
    ('64', '0.0173', '0.1')
    """
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.3g}"
