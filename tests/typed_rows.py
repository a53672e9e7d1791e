"""Rows for tests: with some columns changed, and as a pack."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from results.rows import CurveRow, PackResult, TrialRow
from spaces.vocabulary import MEMBER_HYPERPARAMETERS, TASK_COLUMNS


def changed(row: TrialRow, **columns: Any) -> TrialRow:
    """The row with other values in some columns, wherever the row keeps them."""
    task = {name: columns.pop(name) for name in TASK_COLUMNS if name in columns}
    chosen = {name: columns.pop(name) for name in MEMBER_HYPERPARAMETERS if name in columns}
    return replace(
        row,
        task={**row.task, **task},
        hyperparameters={**row.hyperparameters, **chosen},
        **columns,
    )


def packed(trials: Iterable[TrialRow], curves: Iterable[CurveRow] = ()) -> PackResult:
    """The rows as those of a pack."""
    return PackResult(trials=tuple(trials), curves=tuple(curves))
