"""What a report is made from: a search's plan and its tables, as its folder holds them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from spaces.vocabulary import Value


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """The lowest and the highest number that may be suggested, both included."""

    low: float
    high: float
    log: bool = False


@dataclass(frozen=True, kw_only=True)
class PlannedStudy:
    """A study as the spec has it."""

    name: str
    label: str
    """A short name for narrow places: d=8 mult=no."""
    grid: Mapping[str, Value]
    """The grid's values that make this study; may be empty."""
    shown: Mapping[str, str]
    """The same values as short texts."""
    space: Mapping[str, Bounds | None]
    """What is suggested for each trial; None: choices without an order."""


@dataclass(frozen=True, kw_only=True)
class ReportedSearch:
    """A search, finished or not."""

    uri: str
    name: str
    seeds: Sequence[int]
    """Of its studies, ascending."""
    studies: Sequence[PlannedStudy]
    """All of the spec, in its order, also those without a row."""
    replicates: int
    """Confirm replicates of each study as planned; 0 where nothing is confirmed."""
    missing: str
    """What there is still to do, in words; empty for a finished search."""
    spec: str
    """The YAML."""
    executions: Sequence[Mapping[str, Any]]
    """The records of provenance.json."""
    sampled: str
    """Which trials are in `trials` and `curves`, in words; empty where all are."""
    trials: pa.Table
    curves: pa.Table
    summary: pa.Table
    """A row for each of `studies`, in the same order."""
