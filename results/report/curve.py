"""The evaluations of one trial or replicate, in the order of its steps."""

from collections.abc import Iterable
from typing import NamedTuple

from ..rows import CurveRow, TrialKey


class Point(NamedTuple):
    """An evaluation that was finite."""

    step: int
    nmse: float


def curves_by_trial(rows: Iterable[CurveRow]) -> dict[TrialKey, list[Point]]:
    """Return the finite evaluations of each trial and replicate; of some there may be none."""
    found: dict[TrialKey, list[Point]] = {}
    for row in rows:
        points = found.setdefault(row.key, [])
        if row.nmse_at_step is not None:
            points.append(Point(row.step, row.nmse_at_step))
    for points in found.values():
        points.sort()
    return found
