"""The achievable loss: one row for each study."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from statistics import median
from typing import Any

import numpy
import pyarrow as pa

from spaces.vocabulary import MEMBER_HYPERPARAMETERS, STATUSES, TASK_COLUMNS

from .checked_table import checked_table
from .constructions import Configuration, constructed_nmse
from .rows import TrialRow
from .schemas import SUMMARY
from .seed_interval import seed_interval
from .tally import StudyTally

_OF_THE_STUDY = ("search", "study", "seed", *TASK_COLUMNS, "batch_size")
_OF_THE_BEST = (*MEMBER_HYPERPARAMETERS, "parameters", "steps")


def summarise(trials: pa.Table, *, order: Sequence[str] = ()) -> pa.Table:
    """Return the `SUMMARY` of a table of `TRIALS`: one row per study, as `summary_of` has it.

    The order of the rows of `trials` doesn't matter, and nothing but `trials` is read.
    """
    return summary_of(map(StudyTally.of, _by_study(trials)), order=order)


def summary_of(tallies: Iterable[StudyTally], *, order: Sequence[str] = ()) -> pa.Table:
    """Return the `SUMMARY` of studies: one row for each that has a row of `TRIALS`.

    First come the studies named in `order`, in that order; then the others by their dimension and
    by the values of their grid, numbers as numbers.

    The best trial of a study is the completed one of the search with the lowest nmse, of equal
    ones the lowest number. `nmse`, `nmse_min`, `nmse_max` and `loss` come from its confirm
    replicates at steps_factor 1, `nmse_longer` from those at the largest factor above 1; a
    replicate that diverged counts as infinite. What is infinite then, or isn't known yet, is null;
    `diverged_replicates` tells the two apart. The counts of trials are of the search; `samples`
    and `train_seconds` add up everything.
    """
    rows = [_study_row(tally, tally.first) for tally in tallies if tally.first is not None]
    rows.sort(key=lambda row: (row["search"], row["study"]))
    places = {study: place for place, study in enumerate(order)}
    for row, alike in zip(rows, _alike(rows), strict=True):
        row |= alike
    rows.sort(key=lambda row: (places.get(row["study"], len(places)), *_by_value(row)))
    columns = {name: [row[name] for row in rows] for name in SUMMARY.names}
    return checked_table(columns, SUMMARY, key=("search", "study"))


def _by_study(trials: pa.Table) -> Iterator[pa.Table]:
    """Give the rows of each study; a file may hold those of two searches."""
    columns = [trials[name].combine_chunks().dictionary_encode() for name in ("search", "study")]
    search, study = (numpy.asarray(column.indices) for column in columns)
    keys = search.astype(numpy.int64) * max(len(columns[1].dictionary), 1) + study
    order = numpy.argsort(keys, kind="stable")
    ends = numpy.flatnonzero(numpy.diff(keys[order])) + 1
    return (trials.take(places) for places in numpy.split(order, ends) if len(places))


def constructed_nmse_of(row: Mapping[str, Any]) -> float | None:
    """The constructed nmse of a row of `SUMMARY`, as this release knows it; None without a best.

    Not that of the rows, which is what was known when they were written.
    """
    return None if row["best_trial"] is None else constructed_nmse(Configuration.of(row))


def _alike(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """For each row what those tell together that differ from it in the seed at most."""
    groups: dict[tuple[str, str], list[float | None]] = {}
    for row in rows:
        groups.setdefault(_but_for_the_seed(row), []).append(row["nmse"])
    told = {}
    for key, values in groups.items():
        low, high = seed_interval(values) or (None, None)
        told[key] = {"search_seeds": len(values), "nmse_low": low, "nmse_high": high}
    return [told[_but_for_the_seed(row)] for row in rows]


def _but_for_the_seed(row: Mapping[str, Any]) -> tuple[str, str]:
    pairs = [pair for pair in row["study"].split(",") if not pair.startswith("seed=")]
    return row["search"], ",".join(pairs)


def _by_value(row: Mapping[str, Any]) -> tuple[Any, ...]:
    pairs = [pair.partition("=") for pair in row["study"].split(",")]
    # Of a table null.
    return row["dimension"] or 0, [(key, _sortable(text)) for key, _, text in pairs], row["search"]


def _sortable(text: str) -> tuple[float, str]:
    """Order a grid's value in a study's name: numbers by size, before words.

    >>> sorted(["128", "relu", "16", "1e-05", "false"], key=_sortable)
    ['1e-05', '16', '128', 'false', 'relu']
    """
    try:
        return float(text), text
    except ValueError:
        return math.inf, text


def _study_row(tally: StudyTally, first: TrialRow) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(SUMMARY.names)
    row |= {name: first.column(name) for name in _OF_THE_STUDY}
    row |= {name: tally.statuses[name] for name in STATUSES}
    row |= {"trials": tally.trials, "samples": tally.samples}
    row["train_seconds"] = tally.train_seconds
    best = tally.best
    if best is None:
        return row
    row |= {name: best.column(name) for name in _OF_THE_BEST}
    row |= {"best_trial": best.trial, "nmse_search": best.nmse}
    row["constructed_nmse"] = constructed_nmse_of(row)
    row |= _confirmed(tally.replicates) | _longer(tally.replicates, best.schedule_steps)
    if row["nmse"] is not None:
        row["winners_curse"] = row["nmse"] - row["nmse_search"]
    return row


def _confirmed(confirmed: Sequence[TrialRow]) -> dict[str, float | int | None]:
    replicates = [row for row in confirmed if row.steps_factor == 1]
    nmse = _values(replicates, "nmse")
    return {
        "nmse": _finite(median, nmse),
        "nmse_min": _finite(min, nmse),
        "nmse_max": _finite(max, nmse),
        "diverged_replicates": nmse.count(math.inf) if nmse else None,
        "loss": _finite(median, _values(replicates, "loss")),
        **_correlated(replicates),
        "rmse": _finite(median, _values(replicates, "rmse")),
        **_ranked(replicates, "recall_at_10"),
        **_ranked(replicates, "ndcg_at_10"),
    }


def _correlated(replicates: Sequence[TrialRow]) -> dict[str, float | None]:
    values = _or_zero(replicates, "pearson_r")
    if not values:
        return {"pearson_r": None, "pearson_r_max": None}
    return {"pearson_r": median(values), "pearson_r_max": max(values)}


def _ranked(replicates: Sequence[TrialRow], column: str) -> dict[str, float | None]:
    values = _or_zero(replicates, column)
    return {column: median(values) if values else None}


def _or_zero(replicates: Sequence[TrialRow], column: str) -> list[float]:
    """A column's values, 0 where a replicate has none; empty where none has any."""
    values = [row.column(column) for row in replicates]
    return [] if all(each is None for each in values) else [each or 0.0 for each in values]


def _longer(confirmed: Sequence[TrialRow], steps: int) -> dict[str, float | int | None]:
    factor = max((row.steps_factor for row in confirmed), default=1)
    if factor <= 1:
        return {"nmse_longer": None, "steps_longer": None}
    replicates = [row for row in confirmed if row.steps_factor == factor]
    nmse = _finite(median, _values(replicates, "nmse"))
    return {"nmse_longer": nmse, "steps_longer": steps * factor}


def _values(replicates: Sequence[TrialRow], column: str) -> list[float]:
    """Return a column's values, infinite where the replicate diverged."""
    values = (row.column(column) for row in replicates)
    return [math.inf if value is None else float(value) for value in values]


def _finite(of: Callable[[Sequence[float]], float], values: Sequence[float]) -> float | None:
    """Return a statistic of `values`; None where there are none, or where it is infinite."""
    value = of(values) if values else math.inf
    return value if math.isfinite(value) else None
