"""Values of a hyperparameter, and groups of them where there are many."""

import math
from collections.abc import Iterable, Mapping

from spaces.vocabulary import Value

_ENDS = {1: 3, 3: 10}
"""Where a group of floats begins in its decade, and where it ends."""


def value_groups(
    values: Iterable[Value | None], *, many: bool
) -> Mapping[Value | None, str | None]:
    """The name of each value's group, the groups in order: numbers ascending, then texts, then
    null, which stays what it is.

    Each value is a group of its own, unless there may be `many`: then whole numbers between two
    powers of two share one, and floats between two steps of 1, 3, 10, 30.

    >>> value_groups([0.02, 1e-05, None], many=False)
    {1e-05: '1e-05', 0.02: '0.02', None: None}
    >>> value_groups([0, 1, 4, 6], many=True)
    {0: '0', 1: '1', 4: '4 to 6', 6: '4 to 6'}
    >>> value_groups([0.0, 0.012], many=True)
    {0.0: '0.0', 0.012: '0.01 to 0.03'}
    """
    ordered = sorted(set(values), key=_rank)
    if not many:
        return {value: _text(value) for value in ordered}
    numbers = [value for value in ordered if isinstance(value, int | float)]
    return {value: _span(value, *numbers[:: max(len(numbers) - 1, 1)]) for value in ordered}


def _rank(value: Value | None) -> tuple[int, float, str]:
    if isinstance(value, int | float):
        return 0, value, ""
    return (2, 0.0, "") if value is None else (1, 0.0, value)


def _text(value: Value | None) -> str | None:
    """As a study's name has it."""
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def _span(value: Value | None, *ends: float) -> str | None:
    """The bounds of the value's group; of whole numbers, which are within `ends`, both belong."""
    match value:
        case bool():
            return _text(value)
        case int() if value > 0:
            low = 1 << (value.bit_length() - 1)
            first, last = max(low, int(min(ends))), min(2 * low - 1, int(max(ends)))
            return str(value) if first == last else f"{first} to {last}"
        case float() if value > 0:
            exponent = math.floor(math.log10(value))
            # As one writes them: 0.1 * 3 is more than 0.3.
            begin = max((step for step in _ENDS if float(f"{step}e{exponent}") <= value), default=1)
            return f"{float(f'{begin}e{exponent}'):g} to {float(f'{_ENDS[begin]}e{exponent}'):g}"
    return _text(value)
