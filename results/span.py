"""The range of an nmse, and whether two of them are apart."""

from typing import Literal

from .exact_nmse import EXACT_NMSE

Span = tuple[float, float]
"""The lowest and the highest nmse of several replicates, infinite where one diverged; or the ends
of an interval."""

Change = Literal["up", "down", "overlap", "unknown"]
"""From one to another: the range lies wholly above or below, overlaps, or there are no two."""


def span_change(before: Span | None, after: Span | None) -> Change:
    """Compare two ranges, or intervals; what is exact in both is equal."""
    if before is None or after is None:
        return "unknown"
    (low, high), (later_low, later_high) = (
        [max(end, EXACT_NMSE) for end in span] for span in (before, after)
    )
    if high < later_low:
        return "up"
    return "down" if low > later_high else "overlap"
