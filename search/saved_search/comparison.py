"""Searches side by side: the studies that others share with the first one."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow

from results import SUMMARY
from results.exact_nmse import EXACT_NMSE
from results.span import Span, span_change
from spaces import Spec, SpecError, Study, studies
from spaces.vocabulary import Value

from .overview import Overview
from .spec_changes import row_changes

Outcome = Literal["lower", "higher", "overlap", "both exact", "one replicate", "not confirmed"]
"""How a study's nmse compares with that of the first search.

"lower" and "higher" where the ranges of the confirm replicates are apart, which is more than the
noise of training one network again; "overlap" where they aren't. One replicate has no range.
"""

_OF_THE_SUMMARY = (
    *("nmse", "nmse_min", "nmse_max", "diverged_replicates", "nmse_search", "nmse_longer"),
    *("rmse", "recall_at_10", "ndcg_at_10"),
    *("best_trial", "layer_sizes", "parameters", "steps"),
)


@dataclass(frozen=True, kw_only=True)
class ComparedStudy:
    """A study of the first search, and of another that has it too."""

    study: str
    """Its name in the first search."""
    first: Mapping[str, Any]
    """Its row of `SUMMARY` in the first search."""
    other: Mapping[str, Any]
    """Its row of `SUMMARY` in the other one."""
    outcome: Outcome

    @property
    def ratio(self) -> float | None:
        """The other's nmse in multiples of the first's; None where one is exact or not known."""
        first, other = self.first["nmse"], self.other["nmse"]
        if first is None or other is None or min(first, other) <= EXACT_NMSE:
            return None
        return float(other / first)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A search against the first one."""

    studies: Sequence[ComparedStudy]
    """Those of both, in the first one's order."""
    only_first: Sequence[str]
    only_other: Sequence[str]
    """The names of the studies that the two don't share."""
    differences: Sequence[str]
    """What of the other's spec gives its rows other values, a line for each key."""


@dataclass(frozen=True, kw_only=True)
class ComparedRow:
    """A line of searches side by side."""

    study: str
    """The study's name in the first search."""
    search: int
    """0: the first one."""
    row: Mapping[str, Any]
    """The study's row of `SUMMARY` in the search."""
    compared: ComparedStudy | None
    """With the first one; None for that itself."""


def side_by_side(comparisons: Sequence[Comparison]) -> list[ComparedRow]:
    """For each study a row of the first search, then one of each other that has it."""
    others: dict[str, list[tuple[int, ComparedStudy]]] = {}
    for search, comparison in enumerate(comparisons, start=1):
        for each in comparison.studies:
            others.setdefault(each.study, []).append((search, each))
    rows = []
    for study, found in others.items():
        rows.append(ComparedRow(study=study, search=0, row=found[0][1].first, compared=None))
        for search, each in found:
            rows.append(ComparedRow(study=study, search=search, row=each.other, compared=each))
    return rows


def table_of_comparison(uris: Sequence[str], comparisons: Sequence[Comparison]) -> pyarrow.Table:
    """Return what `side_by_side` gives as a table: who, columns of `SUMMARY`, how it compares."""
    rows = [
        {
            "study": each.study,
            "search": uris[each.search],
            **{name: each.row[name] for name in _OF_THE_SUMMARY},
            "ratio": each.compared and each.compared.ratio,
            "outcome": each.compared and each.compared.outcome,
        }
        for each in side_by_side(comparisons)
    ]
    texts = [(name, pyarrow.string()) for name in ("study", "search")]
    of_summary = [SUMMARY.field(name) for name in _OF_THE_SUMMARY]
    outcome = [("ratio", pyarrow.float64()), ("outcome", pyarrow.string())]
    return pyarrow.Table.from_pylist(rows, pyarrow.schema([*texts, *of_summary, *outcome]))


def compare(first: Overview, other: Overview) -> Comparison:
    """Compare a search with the first one, study by study.

    A value in one's grid is that of the other's task and fixed hyperparameters, where it is there.

    Raises:
        SpecError: they have no study in common.
    """
    keys = tuple(dict.fromkeys([*first.spec.grid, *other.spec.grid]))
    mine, theirs = _by_identity(first, keys), _by_identity(other, keys)
    shared = [identity for identity in mine if identity in theirs]
    if not shared:
        raise SpecError(
            [
                f"searches to compare must have a study in common; {first.uri} has "
                f"{_names(first)}; {other.uri} has {_names(other)}"
            ]
        )
    replicates = min(_replicates(first.spec), _replicates(other.spec))
    return Comparison(
        studies=[_compared(mine[each], theirs[each], replicates) for each in shared],
        only_first=[row["study"] for each, row in mine.items() if each not in theirs],
        only_other=[row["study"] for each, row in theirs.items() if each not in mine],
        differences=[*_differences(first.spec, other.spec, keys)],
    )


def _by_identity(search: Overview, keys: Sequence[str]) -> dict[tuple[Value | None, ...], Any]:
    rows = {row["study"]: row for row in search.summary.to_pylist()}
    return {_identity(study, keys): rows[study.name] for study in studies(search.spec)}


def _identity(study: Study, keys: Sequence[str]) -> tuple[Value | None, ...]:
    known = {**study.task, **study.fixed, "seed": study.seed, **study.grid}
    return tuple(known.get(key) for key in keys)


def _names(search: Overview) -> str:
    return ", ".join(search.summary["study"].to_pylist())


def _replicates(spec: Spec) -> int:
    return 0 if spec.confirm is None else spec.confirm.replicates


def _compared(first: Mapping[str, Any], other: Mapping[str, Any], replicates: int) -> ComparedStudy:
    outcome = _outcome(first, other, replicates)
    return ComparedStudy(study=first["study"], first=first, other=other, outcome=outcome)


def _outcome(first: Mapping[str, Any], other: Mapping[str, Any], replicates: int) -> Outcome:
    if not (_confirmed(first) and _confirmed(other)):
        return "not confirmed"
    if all(row["nmse"] is not None and row["nmse"] <= EXACT_NMSE for row in (first, other)):
        return "both exact"
    # Beyond retraining where only that is known, beyond searching again where several seeds were.
    known = all(row["nmse_low"] is not None for row in (first, other))
    if replicates < 2 and not known:
        return "one replicate"
    before, after = (
        (row["nmse_low"], row["nmse_high"]) if known else _range(row) for row in (first, other)
    )
    change = span_change(before, after)
    if change == "down":
        return "lower"
    return "higher" if change == "up" else "overlap"


def _confirmed(row: Mapping[str, Any]) -> bool:
    return row["nmse"] is not None or bool(row["diverged_replicates"])


def _range(row: Mapping[str, Any]) -> Span:
    """The lowest and the highest nmse of the replicates; infinite of those that diverged."""
    low, high = (row[name] for name in ("nmse_min", "nmse_max"))
    return math.inf if low is None else low, math.inf if high is None else high


def _differences(first: Spec, other: Spec, keys: Sequence[str]) -> Iterator[str]:
    """The lines of `row_changes`, without the name and what is compared value by value."""
    sections = ("fixed.", "task.", "")
    compared = tuple(f"{section}{key}: " for section in sections for key in keys)
    for line in row_changes(first, other.model_copy(update={"name": first.name})):
        if not line.startswith(compared):
            yield line
