"""How large an output folder will be."""

from results.folder import COMPACT_ABOVE
from results.tensorboard.log_folders import MOST_RUNS

from .size import Size

_PART = 50_000
"""Of a pack's rows in both tables: most of it is the columns' descriptions."""
_ROWS = 250
"""Of a trial in both tables, where many packs lie in one file."""
_RUN = 6_000
"""Of a trial's run in TensorBoard."""
_REPORT = 5_000_000
"""Most of it is the library that draws its figures."""


def output_bytes(size: Size, *, packs: int, trials: int) -> int:
    """Of a finished search of so many packs and trials, its report included."""
    rows = trials + size.replicates
    parts = _PART * packs if packs <= COMPACT_ABOVE else _PART + _ROWS * rows
    runs = min(rows, MOST_RUNS + size.replicates) if size.tensorboard else 0
    return parts + _RUN * runs + _REPORT
