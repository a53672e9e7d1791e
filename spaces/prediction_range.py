"""The range of predictions in a spec: a list of its two ends, or none."""

from collections.abc import Sequence

from .vocabulary import NO_RANGE, range_ends, range_text

LARGEST = 1e9
"""Ends stay below this: Adam keeps the squares of gradients, which are up to the square of the
distance between both ends, and float32 holds no more."""

RULE = (
    "must be a list of the lowest and the highest prediction, two numbers between "
    f"-{LARGEST:.0e} and {LARGEST:.0e} ([0.5, 5.5]), or none"
)


def range_as_text(value: object) -> str | None:
    """Return a range as one text, "0.5 to 5.5" or "none"; None for what is no such thing.

    >>> range_as_text([0, 5.5]), range_as_text("none"), range_as_text([5.5, 0])
    ('0.0 to 5.5', 'none', None)
    """
    if value is None or value == NO_RANGE:
        return NO_RANGE
    ends = _ends(value)
    if ends is None or not -LARGEST < ends[0] < ends[1] < LARGEST:
        return None
    return range_text(ends[0] + 0.0, ends[1] + 0.0)  # -0.0 becomes 0.0: equal values, equal texts


def range_next_step(value: object) -> str:
    """Return what to write in place of a value that is refused; nothing where nobody can tell."""
    if type(value) in (int, float):
        return "write both ends: [0.5, 5.5] in fixed, [none, [0.5, 5.5]] where there are several"
    ends = _ends(value)
    if ends is not None and ends[0] > ends[1]:
        return "write the lower end first"
    if ends is not None and ends[0] == ends[1]:
        return "write two different ends"
    if isinstance(value, Sequence) and any(isinstance(each, str) for each in value):
        return "" if isinstance(value, str) else "write numbers without quotes (a float as 1.0e-3)"
    return ""


def _ends(value: object) -> tuple[float, float] | None:
    """The two numbers of a list, or of the text that stands for it."""
    if isinstance(value, str):
        try:
            return range_ends(value)
        except ValueError:
            return None
    if not isinstance(value, Sequence) or len(value) != 2:
        return None
    low, high = value
    if type(low) not in (int, float) or type(high) not in (int, float):
        return None
    try:
        return float(low), float(high)
    except OverflowError:  # a whole number that no float holds
        return None
