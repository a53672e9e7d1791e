"""The time that the earlier runs of a search took."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pyarrow
import pyarrow.compute

from .provenance import Record

COLUMNS = ("execution", "started_at", "pack_seconds")
"""The columns of `TRIALS` that `time_used` reads."""


def time_used(records: Sequence[Record], trials: pyarrow.Table) -> float:
    """Return the seconds of the runs that `records` tell of, added up.

    One that was killed counts up to the end of its last pack. `trials` holds at least `COLUMNS`.
    """
    return sum(
        _seconds(record, trials.filter(pyarrow.compute.field("execution") == execution))
        for execution, record in enumerate(records)
    )


def _seconds(record: Record, trials: pyarrow.Table) -> float:
    began = datetime.fromisoformat(record["started_at"])
    if record["finished_at"] is not None:
        return (datetime.fromisoformat(record["finished_at"]) - began).total_seconds()
    packs = trials.group_by(["started_at", "pack_seconds"]).aggregate([]).to_pylist()
    ends = (each["started_at"] + timedelta(seconds=each["pack_seconds"]) for each in packs)
    return max(((end - began).total_seconds() for end in ends), default=0.0)
