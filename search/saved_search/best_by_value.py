"""The best trials of a search by each value of a hyperparameter or of a field of the task."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple

import pyarrow
import pyarrow.compute

from results.table_parts import TableParts
from spaces import FloatRange, IntRange, Spec, SpecError, Study, studies
from spaces.faults import did_you_mean
from spaces.study import study_name
from spaces.vocabulary import FIELDS, STATUSES, Status, Value

from ..text.value_groups import value_groups

_COLUMN_OF = {
    "steps": "schedule_steps",
    "epochs": "schedule_steps",
    "label_std": "scale",
    "values": "users",
    "rank": "dimension",
}
"""Of what has no column of its own name."""
MOST_VALUES = 12
"""Where there are more numbers than these, they are put into groups."""


@dataclass(frozen=True, kw_only=True)
class BestOfGroup:
    """The trials with a value, or one of a group of values, of studies that differ in it alone."""

    studies: str
    """The studies' name without the value; empty where nothing else is in the grid."""
    group: str | None
    """As `value_groups` has it; None where the value is null, as is a linear network's width."""
    trials: int
    best_study: str
    best_trial: int
    """A completed trial before a pruned one, a lower nmse before a higher one."""
    status: Status
    nmse: float | None
    """Of a pruned trial at its rung; None where all have diverged."""


_SCHEMA = pyarrow.schema(
    [
        ("studies", pyarrow.string()),
        ("group", pyarrow.string()),
        ("trials", pyarrow.int64()),
        ("best_study", pyarrow.string()),
        ("best_trial", pyarrow.int64()),
        ("status", pyarrow.string()),
        ("nmse", pyarrow.float64()),
    ]
)


class _Found(NamedTuple):
    """A trial, as it stands among others: the lowest is the best."""

    status: int
    nmse: float
    trial: int
    study: str


def best_by_value(spec: Spec, trials: TableParts, name: str) -> list[BestOfGroup]:
    """The best trials of the search by each value of `name`; confirm replicates don't count.

    Studies stand in the spec's order, the groups of each in that of `value_groups`.

    Args:
        spec: The spec of the search.
        trials: Its `TRIALS`.
        name: A hyperparameter or a field of the task, in the grid or not.

    Raises:
        SpecError: there is no such name, or no column of it.
    """
    column = _column(spec, name)
    known = {study.name: study for study in studies(spec)}
    found, values = [], []
    for row in _rows(trials, ["study", "status", "nmse", "trial", "depth", column]):
        study, status, nmse, trial, depth, value = row
        if study in known:
            order = math.inf if nmse is None else nmse
            found.append(_Found(STATUSES.index(status), order, trial, study))
            has_value = name != "width" or (depth is not None and depth > 0)
            values.append(known[study].grid.get(name, value) if has_value else None)
    groups = value_groups(values, many=_many(spec, name, values))
    rest = {study: _without(each, name) for study, each in known.items()}
    counts: Counter[tuple[str, str | None]] = Counter()
    best: dict[tuple[str, str | None], _Found] = {}
    for each, value in zip(found, values, strict=True):
        key = rest[each.study], groups[value]
        counts[key] += 1
        best[key] = min(each, best.get(key, each))
    keys = product(dict.fromkeys(rest.values()), dict.fromkeys(groups.values()))
    return [_best_of(key, counts[key], best[key]) for key in keys if key in best]


def table_of_groups(name: str, groups: Sequence[BestOfGroup]) -> pyarrow.Table:
    """Return them as a table, the group's column named after what the groups are of."""
    columns = {each.name: [getattr(group, each.name) for group in groups] for each in _SCHEMA}
    table = pyarrow.table(columns, schema=_SCHEMA)
    return table.rename_columns([name if each == "group" else each for each in table.column_names])


def _best_of(key: tuple[str, str | None], trials: int, best: _Found) -> BestOfGroup:
    return BestOfGroup(
        studies=key[0],
        group=key[1],
        trials=trials,
        best_study=best.study,
        best_trial=best.trial,
        status=STATUSES[best.status],
        nmse=best.nmse if math.isfinite(best.nmse) else None,
    )


def _rows(trials: TableParts, names: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    table = trials.all([*dict.fromkeys([*names, "phase"])])
    searched = table.filter(pyarrow.compute.field("phase") == "search")
    return zip(*(searched[name].to_pylist() for name in names), strict=True)


def _column(spec: Spec, name: str) -> str:
    """The column of `TRIALS` that holds the values where the grid doesn't."""
    if name not in FIELDS:
        hint = " ".join(filter(None, (did_you_mean(name, FIELDS), f"allowed: {', '.join(FIELDS)}")))
        rule = "must be a hyperparameter or a field of the task"
        raise SpecError([f'--by: {rule}; got "{name}"; {hint}'])
    followed = FIELDS[name].instead_of
    if followed and name in _COLUMN_OF and name not in spec.grid:
        raise SpecError([f"--by: {name} is no column of trials; choose {followed[0]}"])
    return _COLUMN_OF.get(name, name)


def _many(spec: Spec, name: str, values: Sequence[Value | None]) -> bool:
    """Whether there may be more values than a table has room for."""
    match spec.space.get(name):
        case IntRange(low=low, high=high, step=step):
            return (high - low) // step >= MOST_VALUES
        case FloatRange(count=count):
            return count is None or count > MOST_VALUES
    numbers = {value for value in values if isinstance(value, int | float)}
    return name not in spec.grid and len(numbers) > MOST_VALUES


def _without(study: Study, name: str) -> str:
    """The study's name without a value of its grid."""
    return study_name({key: value for key, value in study.grid.items() if key != name})
