"""The rows of a folder, pack by pack."""

from collections.abc import Mapping, Sequence

from results.rows import CurveRow, PackResult, TrialKey, TrialRow
from trainables import PackKey


def whole(packs: Mapping[PackKey, PackResult]) -> dict[PackKey, PackResult]:
    """Those of which no curve is missing, as it is where a part of the curves was damaged."""
    return {
        key: result
        for key, result in packs.items()
        if {row.key for row in result.trials} <= {point.key for point in result.curves}
    }


def finished_packs(
    trials: Sequence[TrialRow], curves: Sequence[CurveRow]
) -> dict[PackKey, PackResult]:
    """Sort a search's rows by the packs that they came from, the order within each kept.

    Rows of curves without their trial are of a pack that hasn't finished, and left out.
    """
    points: dict[TrialKey, list[CurveRow]] = {}
    for point in curves:
        points.setdefault(point.key, []).append(point)
    packs: dict[PackKey, list[TrialRow]] = {}
    for row in trials:
        packs.setdefault(PackKey(row.study, row.phase, row.pack), []).append(row)
    return {
        key: PackResult(
            trials=tuple(rows),
            curves=tuple(point for row in rows for point in points.get(row.key, ())),
        )
        for key, rows in packs.items()
    }
