"""A course of numbers as a picture in one line of text."""

import math
from collections.abc import Sequence

_BLOCKS, _ASCII_BLOCKS = "▁▂▃▄▅▆▇█", "_.-=+*%#"


def sparkline(values: Sequence[float], width: int, *, ascii_only: bool = False) -> str:
    """Draw positive values, by their logarithms, in at most `width` characters.

    Each character is the last value of its share of them; infinite values at the beginning
    are left blank.

    >>> sparkline([math.inf, 1.0, 0.1, 0.01], 4)
    ' █▅▁'
    """
    count = min(width, len(values))
    picked = [values[(index + 1) * len(values) // count - 1] for index in range(count)]
    levels = [math.log10(max(value, 1e-300)) for value in picked if math.isfinite(value)]
    if not levels:
        return " " * count
    low, high = min(levels), max(levels)
    blocks = _ASCII_BLOCKS if ascii_only else _BLOCKS
    scale = (len(blocks) - 1) / (high - low) if high > low else 0.0
    drawn = "".join(blocks[round((level - low) * scale)] for level in levels)
    return drawn.rjust(count)
