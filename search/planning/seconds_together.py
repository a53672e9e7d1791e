"""How long workers take for packs that they have all at once."""

from collections.abc import Sequence


def seconds_together(packs: Sequence[float], workers: int) -> float:
    """Return the least for packs of so many seconds each: no pack is divided among workers."""
    return max(sum(packs) / workers, *packs, 0.0)
