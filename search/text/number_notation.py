"""Numbers in the few characters that a table has for them, all of a column in one notation."""

import math
from collections.abc import Callable, Iterable

from results.exact_nmse import EXACT_NMSE

NumberText = Callable[[float | None], str]


def one_notation(values: Iterable[float | None]) -> NumberText:
    """How to write numbers of which `values` are all: two digits of each, a dash for none.

    Decimals where all are of a handy size, else powers of ten for all of them.

    >>> [*map(one_notation([0.0123, 0.5, None]), [0.0123, 0.5, None])]
    ['0.012', '0.50', '-']
    >>> [*map(one_notation([2.5e-7, 0.5]), [2.5e-7, 0.5])]
    ['2.5e-07', '5.0e-01']
    """
    sizes = [abs(value) for value in values if value and math.isfinite(value)]
    handy = all(0.001 <= size < 100 for size in sizes)

    def text(value: float | None) -> str:
        if value is None:
            return "-"
        return decimals(value) if handy else f"{value:.1e}"

    return text


def nmse_notation(values: Iterable[float | None]) -> NumberText:
    """Like `one_notation`, for nmse: what is rounding alone is "exact".

    >>> [*map(nmse_notation([0.5, 1.7e-26]), [0.5, 1.7e-26])]
    ['0.50', 'exact']
    """
    given = [value for value in values if value is not None and value > EXACT_NMSE]
    number = one_notation(given)

    def text(value: float | None) -> str:
        return "exact" if value is not None and value <= EXACT_NMSE else number(value)

    return text


def decimals(value: float, digits: int = 2) -> str:
    """So many digits, the zero at the end too.

    >>> decimals(0.0996), decimals(45.2), decimals(0.0), decimals(0.9, digits=3)
    ('0.10', '45', '0.0', '0.900')
    """
    return f"{value:#.{digits}g}".removesuffix(".")
