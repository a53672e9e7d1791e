"""The rows of `trials` and `curves`, and their way to Arrow and back.

Outside Arrow a row is one of these types; what each column means is said in `TRIALS` and `CURVES`.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

import pyarrow as pa

from spaces.vocabulary import MEMBER_HYPERPARAMETERS, TASK_COLUMNS, Phase, Status, Value

from .checked_table import checked_table
from .schemas import CURVE_KEY, CURVES, TRIAL_KEY, TRIALS

TrialKey = tuple[str, int, Phase, int, int]
"""The values of `TRIAL_KEY`."""

_TRIAL_ATTRIBUTES = tuple(
    name for name in TRIALS.names if name not in (*TASK_COLUMNS, *MEMBER_HYPERPARAMETERS)
)


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyedRow:
    """What every row begins with: which search it is of, and which of its trials."""

    search: str
    study: str
    trial: int
    phase: Phase
    replicate: int
    steps_factor: int

    @property
    def key(self) -> TrialKey:
        """What names the trial in its search: its row of `trials` and its rows of `curves`."""
        return self.study, self.trial, self.phase, self.replicate, self.steps_factor


@dataclass(frozen=True, kw_only=True, slots=True)
class TrialRow(KeyedRow):
    """A row of `trials`: an attribute for each column, but for those that the vocabulary lists."""

    seed: int | None
    """None in rows of versions before 4."""
    pack: int
    status: Status
    task: Mapping[str, Value | None] = field(hash=False)
    """The dimension and the other fields of the task, by name."""
    hyperparameters: Mapping[str, Value | None] = field(hash=False)
    """Those in which the members of a pack may differ; None for what the optimiser doesn't read."""
    batch_size: int
    initialisation_seed: int
    data_seed: int
    evaluation_seed: int
    steps: int
    schedule_steps: int
    samples: int
    parameters: int
    flops: float | None
    train_loss: float | None
    loss: float | None
    loss_stderr: float | None
    nmse: float | None
    nmse_stderr: float | None
    nmse_first_rung: float | None
    constructed_nmse: float | None
    rmse_excess_test: float | None
    rmse_excess_fresh: float | None
    pearson_r: float | None
    rmse: float | None
    recall_at_10: float | None
    ndcg_at_10: float | None
    started_at: datetime
    train_seconds: float
    pack_seconds: float
    device: str
    worker: str
    execution: int | None
    """None in rows of version 1 of the tables alone."""

    def column(self, name: str) -> Any:
        """The value in the column of that name, wherever the row keeps it."""
        if name in MEMBER_HYPERPARAMETERS:
            return self.hyperparameters[name]
        return self.task[name] if name in TASK_COLUMNS else getattr(self, name)


@dataclass(frozen=True, kw_only=True, slots=True)
class CurveRow(KeyedRow):
    """A row of `curves`: an attribute for each column."""

    step: int
    samples_at_step: int
    train_loss_at_step: float | None
    loss_at_step: float | None
    nmse_at_step: float | None
    scheduled_learning_rate: float


@dataclass(frozen=True, kw_only=True, slots=True)
class PackResult:
    """The rows of a pack, in the order of its members; or those of one that is still trained."""

    trials: tuple[TrialRow, ...]
    """A row for each member that has ended."""
    curves: tuple[CurveRow, ...]

    def to_arrow(self) -> bytes:
        """The rows as two Arrow streams, one after the other: for a message between processes."""
        sink = pa.BufferOutputStream()
        for table in (table_of_trials(self.trials), table_of_curves(self.curves)):
            plain = pa.table(table.columns, names=table.column_names)  # without descriptions
            with pa.ipc.new_stream(sink, plain.schema) as stream:
                stream.write_table(plain)
        content: bytes = sink.getvalue().to_pybytes()
        return content

    @classmethod
    def from_arrow(cls, content: bytes) -> Self:
        """The rows that `to_arrow` wrote."""
        source = pa.BufferReader(content)
        trials, curves = (pa.ipc.open_stream(source).read_all() for _ in range(2))
        return cls(trials=trials_of(trials), curves=curves_of(curves))


def table_of_trials(rows: Sequence[TrialRow]) -> pa.Table:
    """Return rows as a table of `TRIALS`.

    Raises:
        ValueError: for a missing or an extra task field or hyperparameter, a null or a value of
            another type where `TRIALS` has no place for it, a number that is not finite, or two
            rows with the same key.
    """
    for row in rows:
        _check_names(row.task, TASK_COLUMNS)
        _check_names(row.hyperparameters, MEMBER_HYPERPARAMETERS)
    columns = {name: [row.column(name) for row in rows] for name in TRIALS.names}
    return checked_table(columns, TRIALS, TRIAL_KEY)


def table_of_curves(rows: Sequence[CurveRow]) -> pa.Table:
    """Return rows as a table of `CURVES`.

    Raises:
        ValueError: for a null or a value of another type where `CURVES` has no place for it, a
            number that is not finite, or two rows with the same key.
    """
    columns = {name: [getattr(row, name) for row in rows] for name in CURVES.names}
    return checked_table(columns, CURVES, CURVE_KEY)


def trials_of(table: pa.Table) -> tuple[TrialRow, ...]:
    """Return the rows of a table of `TRIALS`, in its order."""
    attributes = _dicts(table, _TRIAL_ATTRIBUTES)
    tasks = _dicts(table, TASK_COLUMNS)
    hyperparameters = _dicts(table, tuple(MEMBER_HYPERPARAMETERS))
    return tuple(
        TrialRow(task=task, hyperparameters=chosen, **rest)
        for task, chosen, rest in zip(tasks, hyperparameters, attributes, strict=True)
    )


def curves_of(table: pa.Table) -> tuple[CurveRow, ...]:
    """Return the rows of a table of `CURVES`, in its order."""
    return tuple(CurveRow(**columns) for columns in _dicts(table, CURVES.names))


def _dicts(table: pa.Table, names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Give some columns of each row; column by column, as a value alone takes Arrow long."""
    columns = (table[name].to_pylist() for name in names)
    return (dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True))


def _check_names(found: Mapping[str, Any], names: Collection[str]) -> None:
    if found.keys() == set(names):
        return
    missing = [name for name in names if name not in found]
    extra = sorted(found.keys() - set(names))
    raise ValueError(
        "a row must have exactly the columns of its schema; "
        f"missing: {', '.join(missing) or 'none'}; extra: {', '.join(extra) or 'none'}"
    )
