"""A search as its folder holds it now: all its studies, and what they still lack."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow
import pyarrow.compute

from results import SUMMARY, OutputFolder, constructed_nmse_of, summarise
from spaces import Spec, Study, studies

from .folder_state import folder_state, searched


@dataclass(frozen=True)
class Overview:
    """The standing of a search."""

    summary: pyarrow.Table
    """`SUMMARY`: a row for every study of the spec, in its order, also before its first pack."""
    missing: str
    """What there is still to do, in words; empty for a finished search."""


def overview(folder: OutputFolder) -> Overview:
    """Read the summary of a finished search; summarise the trials there are of another.

    Raises:
        OutputError: no search is there, or a file can't be read.
    """
    spec = searched(folder_state(folder)).spec
    rows = {row["study"]: row for row in folder.read_summary().to_pylist()}
    wanted = studies(spec)
    if all(study.name in rows for study in wanted):
        for row in rows.values():  # an older release may have known less
            row["constructed_nmse"] = constructed_nmse_of(row)
        return Overview(_table([rows[study.name] for study in wanted]), "")
    trials = folder.read_trials()
    rows = {row["study"]: row for row in summarise(trials).to_pylist()}
    replicates = trials.filter(pyarrow.compute.field("phase") == "confirm")
    confirmed = Counter(replicates["study"].to_pylist())
    in_order = [rows.get(study.name) or _not_begun(spec, study) for study in wanted]
    return Overview(_table(in_order), "; ".join(_missing(spec, in_order, confirmed)))


def _table(rows: list[dict[str, Any]]) -> pyarrow.Table:
    return pyarrow.Table.from_pylist(rows, schema=SUMMARY)


def _not_begun(spec: Spec, study: Study) -> dict[str, Any]:
    counts = dict.fromkeys(("trials", "completed", "pruned", "diverged", "samples"), 0)
    batch_size = {"batch_size": study.fixed["batch_size"]}
    names = {"search": spec.name, "study": study.name}
    return {**names, **study.task, **batch_size, **counts, "train_seconds": 0.0}


def _missing(spec: Spec, rows: list[dict[str, Any]], confirmed: Mapping[str, int]) -> Iterator[str]:
    budget, confirm = spec.budget.trials, spec.confirm
    trials = sum(budget - row["trials"] for row in rows)
    if trials:
        yield f"{trials} of {budget * len(rows)} trials are missing"
    needed = 0 if confirm is None else confirm.replicates * len(confirm.steps_factors)
    open_studies = [
        row
        for row in rows
        if confirmed[row["study"]] < needed and (row["trials"] < budget or row["completed"])
    ]
    if open_studies:
        yield f"{len(open_studies)} of {len(rows)} studies are not confirmed"
