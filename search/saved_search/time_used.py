"""The time that the earlier runs of a search took."""

from collections.abc import Sequence
from datetime import datetime

from results.rows import TrialRow

from .provenance import Record


def time_used(records: Sequence[Record], trials: Sequence[TrialRow]) -> float:
    """Return the seconds of the runs that `records` tell of, added up.

    One that was killed counts up to the end of its last pack.
    """
    return sum(
        _seconds(record, [row for row in trials if row.execution == execution])
        for execution, record in enumerate(records)
    )


def _seconds(record: Record, trials: Sequence[TrialRow]) -> float:
    began = datetime.fromisoformat(record["started_at"])
    if record["finished_at"] is not None:
        return (datetime.fromisoformat(record["finished_at"]) - began).total_seconds()
    ends = [(row.started_at - began).total_seconds() + row.pack_seconds for row in trials]
    return max(ends, default=0.0)
