"""The achievable loss: one row for each study."""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import starmap
from statistics import median
from typing import Any, NamedTuple

import pandas as pd
import pyarrow as pa

from spaces.vocabulary import (
    MEMBER_HYPERPARAMETERS,
    TASK_COLUMNS,
    Status,
    best_trial,
)

from .checked_table import checked_table
from .constructions import Configuration, constructed_nmse
from .schemas import SUMMARY, TRIAL_KEY
from .seed_interval import seed_interval

_OF_THE_STUDY = ("search", "study", "seed", *TASK_COLUMNS, "batch_size")
_OF_THE_BEST = (*MEMBER_HYPERPARAMETERS, "parameters", "steps")


class _Judged(NamedTuple):
    """As much of a row of `TRIALS` as tells which is the best."""

    trial: int
    status: Status
    nmse: float | None


def summarise(trials: pa.Table, *, order: Sequence[str] = ()) -> pa.Table:
    """Return the `SUMMARY` of a table of `TRIALS`: one row per study.

    First come the studies named in `order`, in that order; then the others by their dimension and
    by the values of their grid, numbers as numbers.

    The best trial of a study is the completed one of the search with the lowest nmse, of equal
    ones the lowest number. `nmse`, `nmse_min`, `nmse_max` and `loss` come from its confirm
    replicates at steps_factor 1, `nmse_longer` from those at the largest factor above 1; a
    replicate that diverged counts as infinite. What is infinite then, or isn't known yet, is null;
    `diverged_replicates` tells the two apart. The counts of trials are of the search; `samples`
    and `train_seconds` add up everything.

    The order of the rows of `trials` doesn't matter, and nothing but `trials` is read.
    """
    frame = trials.to_pandas().sort_values(["search", *TRIAL_KEY])
    rows = [_study_row(group) for _, group in frame.groupby(["search", "study"])]
    places = {study: place for place, study in enumerate(order)}
    for row, alike in zip(rows, _alike(rows), strict=True):
        row |= alike
    rows.sort(key=lambda row: (places.get(row["study"], len(places)), *_by_value(row)))
    columns = {name: [row[name] for row in rows] for name in SUMMARY.names}
    return checked_table(columns, SUMMARY, key=("search", "study"))


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
    return row["dimension"], [(key, _sortable(text)) for key, _, text in pairs], row["search"]


def _sortable(text: str) -> tuple[float, str]:
    """Order a grid's value in a study's name: numbers by size, before words.

    >>> sorted(["128", "relu", "16", "1e-05", "false"], key=_sortable)
    ['1e-05', '16', '128', 'false', 'relu']
    """
    try:
        return float(text), text
    except ValueError:
        return math.inf, text


def _study_row(group: pd.DataFrame) -> dict[str, Any]:
    searched = group[group["phase"] == "search"]
    statuses = searched["status"].value_counts()
    first = group.iloc[0]
    row: dict[str, Any] = dict.fromkeys(SUMMARY.names)
    row |= {name: _of_type(name, first[name]) for name in _OF_THE_STUDY}
    row |= {
        "trials": len(searched),
        "completed": statuses.get("completed", 0),
        "pruned": statuses.get("pruned", 0),
        "diverged": statuses.get("diverged", 0),
        "samples": group["samples"].sum(),
        "train_seconds": group["train_seconds"].sum(),
    }
    best = _best(searched)
    if best is None:
        return row
    confirmed = group[(group["phase"] == "confirm") & (group["trial"] == best["trial"])]
    row |= {name: best[name] for name in _OF_THE_BEST}
    row |= {"best_trial": best["trial"], "nmse_search": best["nmse"]}
    row["constructed_nmse"] = constructed_nmse_of(row)
    row |= _confirmed(confirmed) | _longer(confirmed, best["steps"])
    if row["nmse"] is not None:
        row["winners_curse"] = row["nmse"] - row["nmse_search"]
    return row


def _best(searched: pd.DataFrame) -> Mapping[str, Any] | None:
    columns = (map(_plain, searched[name].tolist()) for name in ("trial", "status", "nmse"))
    found = best_trial(starmap(_Judged, zip(*columns, strict=True)))
    if found is None:
        return None
    row = searched[searched["trial"] == found.trial].iloc[0]
    return {str(name): _plain(value) for name, value in row.items()}


def _plain(value: Any) -> Any:
    """A value of a frame; pandas has no null among floats."""
    return None if isinstance(value, float) and math.isnan(value) else value


def _of_type(name: str, value: Any) -> Any:
    """A value of a frame; pandas makes whole numbers floats where some are null."""
    value = _plain(value)
    whole = value is not None and pa.types.is_integer(SUMMARY.field(name).type)
    return int(value) if whole else value


def _confirmed(confirmed: pd.DataFrame) -> dict[str, float | int | None]:
    replicates = confirmed[confirmed["steps_factor"] == 1]
    nmse = _values(replicates, "nmse")
    return {
        "nmse": _finite(median, nmse),
        "nmse_min": _finite(min, nmse),
        "nmse_max": _finite(max, nmse),
        "diverged_replicates": nmse.count(math.inf) if nmse else None,
        "loss": _finite(median, _values(replicates, "loss")),
    }


def _longer(confirmed: pd.DataFrame, steps: int) -> dict[str, float | int | None]:
    factor = int(confirmed["steps_factor"].max()) if len(confirmed) else 1
    if factor <= 1:
        return {"nmse_longer": None, "steps_longer": None}
    replicates = confirmed[confirmed["steps_factor"] == factor]
    nmse = _finite(median, _values(replicates, "nmse"))
    return {"nmse_longer": nmse, "steps_longer": steps * factor}


def _values(replicates: pd.DataFrame, column: str) -> list[float]:
    """Return a column's values, infinite where the replicate diverged."""
    return [float(value) for value in replicates[column].fillna(math.inf)]


def _finite(of: Callable[[Sequence[float]], float], values: Sequence[float]) -> float | None:
    """Return a statistic of `values`; None where there are none, or where it is infinite."""
    value = of(values) if values else math.inf
    return value if math.isfinite(value) else None
