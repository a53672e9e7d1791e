"""Searches for the tests of the report: studies of few trials, put together by hand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa

from results import SUMMARY, summarise
from results.report.reported import Bounds, PlannedStudy, ReportedSearch
from results.rows import CurveRow, TrialRow, table_of_curves, table_of_trials
from spaces.vocabulary import Value
from tests.results_tests.conftest import CURVE, TRIAL
from tests.typed_rows import changed

BOUNDS = {
    "depth": Bounds(low=0, high=4),
    "width": Bounds(low=4, high=256, log=True),
    "learning_rate": Bounds(low=1e-4, high=1e-1, log=True),
}


@dataclass(frozen=True, kw_only=True)
class MadeStudy:
    """A study and its rows."""

    planned: PlannedStudy
    trials: Sequence[TrialRow]
    curves: Sequence[CurveRow]
    by_hand: float | None = None
    """The constructed nmse of its winner."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a study's trials are to have been."""

    grid: Mapping[str, Value]
    replicates: Sequence[float | None] = ()
    """The nmse of each confirm replicate; None: it diverged."""
    longer: Sequence[float | None] = ()
    """The same with four times the steps."""
    searched: Sequence[float | None] = (0.5, 0.25)
    """The nmse of each completed trial; None: it diverged."""
    pruned: Sequence[float] = ()
    """The nmse of each pruned trial, at the first rung."""
    rungs: Sequence[int] = ()
    """The steps of the rungs: at each of them the nmse is half that at the one before."""
    by_hand: float | None = None
    noise: float = 0.01
    """The standard error of a loss, as a share of it."""
    space: Mapping[str, Bounds | None] = field(default_factory=lambda: BOUNDS)
    columns: Mapping[str, Any] = field(default_factory=dict)
    """Other values in the rows."""


def study(grid: Mapping[str, Value], *replicates: float | None, **wanted: Any) -> MadeStudy:
    """A study of these grid values whose winner was trained again to these nmse."""
    return _made(Wanted(grid=grid, replicates=replicates, **wanted))


def _made(wanted: Wanted) -> MadeStudy:
    """The rows of a study."""
    name = ",".join(f"{key}={_text(value)}" for key, value in wanted.grid.items()) or "dimension=8"
    columns = {**wanted.columns, **wanted.grid}
    plain = {key: value for key, value in columns.items() if key != "parameters"}
    template = changed(TRIAL, study=name, **plain)
    ended: list[tuple[float | None, dict[str, Any]]] = [(nmse, {}) for nmse in wanted.searched]
    ended += [(nmse, {"status": "pruned", "steps": 500}) for nmse in wanted.pruned]
    searched = [
        _row(template, nmse, wanted, trial=trial, width=8 << trial % 4, depth=trial % 3, **how)
        for trial, (nmse, how) in enumerate(ended)
    ]
    completed = [row for row in searched if row.status == "completed"]
    best = min(completed, key=lambda row: (row.nmse or 0.0, row.trial), default=None)
    confirmed = [] if best is None else [*_confirmed(best, wanted)]
    rows = [*searched, *confirmed]
    return MadeStudy(
        planned=_planned(name, wanted),
        trials=rows,
        curves=[point for row in rows for point in _curve(row, wanted.rungs)],
        by_hand=wanted.by_hand,
    )


def search(*studies: MadeStudy, **changes: Any) -> ReportedSearch:
    """A search of these studies; `changes`: of what else is known of it."""
    trials = table_of_trials([row for each in studies for row in each.trials])
    curves = table_of_curves([row for each in studies for row in each.curves])
    given: dict[str, Any] = {
        "uri": "/runs/quick",
        "name": "quick",
        "seeds": [0],
        "replicates": 3,
        "missing": "",
        "spec": "name: quick\n",
        "executions": [],
    }
    return ReportedSearch(
        **(given | changes),
        studies=[each.planned for each in studies],
        sampled="",
        trials=trials,
        curves=curves,
        summary=_summary(trials, studies),
    )


def _planned(name: str, wanted: Wanted) -> PlannedStudy:
    shown = {key: _text(value) for key, value in wanted.grid.items()}
    label = " ".join(f"{key[:4]}={value}" for key, value in shown.items())
    return PlannedStudy(
        name=name, label=label or "d=8", grid=wanted.grid, shown=shown, space=wanted.space
    )


def _confirmed(best: TrialRow, wanted: Wanted) -> list[TrialRow]:
    rows = []
    for factor, values in ((1, wanted.replicates), (4, wanted.longer)):
        for number, nmse in enumerate(values):
            steps = best.schedule_steps * factor
            columns = {"phase": "confirm", "replicate": number, "steps_factor": factor}
            planned = {"steps": steps, "schedule_steps": steps}
            rows.append(_row(changed(best, **columns, **planned), nmse, wanted))
    return rows


def _row(template: TrialRow, nmse: float | None, wanted: Wanted, **columns: Any) -> TrialRow:
    if nmse is None:
        lost = dict.fromkeys(("nmse", "loss", "loss_stderr", "train_loss"))
        return changed(template, **columns, **lost, status="diverged")
    status = columns.pop("status", "completed")
    measured = {"nmse": nmse, "loss": 8 * nmse, "loss_stderr": 8 * nmse * wanted.noise}
    given = {**wanted.columns, **wanted.grid}
    columns = {name: given.get(name, value) for name, value in columns.items()}
    row = changed(template, **columns, **measured, status=status)
    if "depth" in columns and "layer_sizes" not in given:
        layers = "-".join([str(row.column("width"))] * row.column("depth")) or "linear"
        parameters = 10 + row.column("width") * (1 + row.column("depth"))
        row = changed(row, layer_sizes=layers, parameters=parameters)
    return row


def _curve(row: TrialRow, rungs: Sequence[int]) -> list[CurveRow]:
    """Rungs up to the row's steps, and its end."""
    key = {
        name: getattr(row, name)
        for name in ("study", "trial", "phase", "replicate", "steps_factor")
    }
    steps = [step for step in rungs if step < row.steps]
    points = []
    for index, step in enumerate([*steps, row.steps]):
        left = len(steps) - index
        nmse = None if row.nmse is None else row.nmse * 2**left
        measured = dict.fromkeys(("nmse_at_step", "loss_at_step", "train_loss_at_step"), nmse)
        columns: dict[str, Any] = {**key, **measured, "step": step}
        points.append(replace(CURVE, **columns, samples_at_step=step * row.batch_size))
    return points


def _summary(trials: pa.Table, studies: Sequence[MadeStudy]) -> pa.Table:
    rows = {row["study"]: row for row in summarise(trials).to_pylist()}
    counts = dict.fromkeys(("trials", "completed", "pruned", "diverged", "samples"), 0)
    task = {**TRIAL.task, "batch_size": 256, "train_seconds": 0.0}
    found = []
    for each in studies:
        name = each.planned.name
        begun = rows.get(name) or {"search": "quick", "study": name, **task, **counts}
        found.append({**begun, "constructed_nmse": each.by_hand})
    return pa.Table.from_pylist(found, schema=SUMMARY)


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
