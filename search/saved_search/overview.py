"""A search as its folder holds it now: all its studies, and what they still lack."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow

from results import SUMMARY, OutputFolder, constructed_nmse_of, summary_of
from results.tally import StudyTally
from spaces import Spec, Study, studies

from .folder_state import folder_state, searched


@dataclass(frozen=True, kw_only=True)
class Overview:
    """The standing of a search."""

    uri: str
    spec: Spec
    summary: pyarrow.Table
    """`SUMMARY`: a row for every study of the spec, in its order, also before its first pack."""
    missing: Mapping[str, str]
    """What each study that hasn't finished lacks, in words: trials, or its confirm replicates."""
    out_of_time: bool
    """Whether it has fewer trials than it might have had because its time was up."""
    resumable: bool
    """Whether this release can go on with it: not with rows of version 1 of the tables."""

    @property
    def unfinished(self) -> str:
        """What there is still to do, in words; empty for a finished search."""
        return "; ".join(self._left())

    def _left(self) -> Iterator[str]:
        if not self.missing:
            return
        budget, count = self.spec.budget, self.summary.num_rows
        if budget.trials is None and not self.out_of_time:
            yield f"its time is not up yet (budget.time: {budget.time})"
        elif budget.trials is not None and not self.out_of_time:
            trials = budget.trials * count - sum(self.summary["trials"].to_pylist())
            if trials:
                yield f"{trials} of {budget.trials * count} trials are missing"
        if self.spec.confirm is not None:
            yield f"{len(self.missing)} of {count} studies are not confirmed"


def overview(folder: OutputFolder) -> Overview:
    """Read the summary of a finished search; summarise the trials there are of another.

    Raises:
        OutputError: no search is there, or a file can't be read.
    """
    found = searched(folder_state(folder))
    spec = found.spec
    wanted = studies(spec)
    rows = {row["study"]: row for row in folder.read_summary().to_pylist()}
    missing: dict[str, str] = {}
    resumable = True
    trials = math.inf if spec.budget.trials is None else spec.budget.trials
    least = 0 if found.out_of_time else trials
    if all(study.name in rows and rows[study.name]["trials"] >= least for study in wanted):
        for row in rows.values():  # an older release may have known less
            row["constructed_nmse"] = constructed_nmse_of(row)
    else:
        in_folder = folder.trials_by_study()
        tallies = {name: StudyTally.of(in_folder.of(name)) for name in in_folder.studies}
        rows = {row["study"]: row for row in summary_of(tallies.values()).to_pylist()}
        rows = {study.name: rows.get(study.name) or _not_begun(spec, study) for study in wanted}
        replicates = {name: len(tally.replicates) for name, tally in tallies.items()}
        missing = dict(_missing(spec, rows, replicates, least=least))
        first = (tally.first for tally in tallies.values())
        resumable = all(row is None or row.execution is not None for row in first)
    return Overview(
        uri=folder.uri,
        spec=spec,
        summary=pyarrow.Table.from_pylist([rows[study.name] for study in wanted], schema=SUMMARY),
        missing=missing,
        out_of_time=found.out_of_time,
        resumable=resumable,
    )


def _not_begun(spec: Spec, study: Study) -> dict[str, Any]:
    counts = dict.fromkeys(("trials", "completed", "pruned", "diverged", "samples"), 0)
    batch_size = {"batch_size": study.fixed["batch_size"]}
    names = {"search": spec.name, "study": study.name, "seed": study.seed}
    return {**names, **study.task, **batch_size, **counts, "train_seconds": 0.0}


def _missing(
    spec: Spec,
    rows: Mapping[str, Mapping[str, Any]],
    replicates: Mapping[str, int],
    *,
    least: float,
) -> Iterator[tuple[str, str]]:
    confirm = spec.confirm
    needed = 0 if confirm is None else confirm.replicates * len(confirm.steps_factors)
    for study, row in rows.items():
        if least == math.inf:
            yield study, "more trials"
        elif row["trials"] < least:
            yield study, _count(int(least) - row["trials"], "trial")
        elif row["completed"] and (left := needed - replicates.get(study, 0)) > 0:
            yield study, _count(left, "replicate")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
