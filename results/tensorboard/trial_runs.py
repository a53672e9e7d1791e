"""What TensorBoard shows of single trials, from rows of `TRIALS` and `CURVES`.

Each trial and each confirm replicate is a run. Scalars over the steps of a trial are `nmse`,
`loss`, `train_loss`, `learning_rate`; its results, one point each, are `final/nmse` and so on, and
they are the metrics of the HParams tab.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2
from tensorboard.plugins.hparams.summary_v2 import (
    Discrete,
    Domain,
    IntInterval,
    Metric,
    RealInterval,
    hparams_pb,
)
from tensorboard.plugins.text.summary_v2 import text_pb

from spaces.vocabulary import UNSEEDED, Value

from ..rows import CurveRow, TrialRow
from ..schemas import TRIALS
from .event_files import EventFiles
from .scalars import scalars

CURVE_SCALARS = {
    "nmse": "nmse_at_step",
    "loss": "loss_at_step",
    "train_loss": "train_loss_at_step",
    "learning_rate": "scheduled_learning_rate",
}
"""Tag of a scalar over the steps of a trial to its column in `CURVES`."""

NOTE = "note"
"""The tag of the text that goes with all runs."""

METRICS = ("nmse", "loss", "parameters", "train_seconds")
"""The metrics of the HParams tab: columns of `TRIALS`, written as `final/<column>`."""

_MEASURED = {
    *METRICS,
    *("search", "trial", "pack", "initialisation_seed", "data_seed", "evaluation_seed"),
    *("steps", "samples", "flops", "train_loss", "loss_stderr", "nmse_stderr"),
    *("nmse_first_rung", "constructed_nmse"),
    *("rmse_excess_test", "rmse_excess_fresh", "pearson_r", "rmse"),
    *("recall_at_10", "ndcg_at_10", "started_at"),
    *("pack_seconds", "device", "worker", "execution"),
}
_OF_ALL = {*UNSEEDED, "split_seed", "fingerprint"}
"""What all trials of a search have in common, whatever its spec."""
HPARAMS = tuple(name for name in TRIALS.names if name not in _MEASURED | _OF_ALL)
"""The columns of the HParams tab: every column of `TRIALS` that says what was trained, and how it
ended (`phase`, `replicate`, `steps_factor`, `status`); of a table nothing but its size."""


@dataclass(frozen=True)
class Interval:
    """A column may hold every number from `low` to `high`, both included."""

    low: float
    high: float


@dataclass(frozen=True)
class Listed:
    """A column holds one of `values`, all of the column's type."""

    values: Sequence[Value]


ColumnDomain = Interval | Listed

_UNKNOWN = Listed(())
_COLUMN_TYPES: Mapping[str, type[Value]] = {
    "string": str,
    "int64": int,
    "double": float,
    "bool": bool,
}


class TrialRuns:
    """Writes rows as TensorBoard events; what it has written already is not written twice.

    A step of a run is taken once: the rows of a pack that was tried again are dropped up to where
    the first try came.
    """

    def __init__(self, files: EventFiles, domains: Mapping[str, ColumnDomain]) -> None:
        """Announce the columns of the HParams tab.

        Args:
            files: Where the events go; closed by `close`.
            domains: What is known beforehand of the values of each of `HPARAMS`; a column that
                isn't there may hold any text. TensorBoard offers them as filters.
        """
        self._files = files
        self._last_steps: dict[str, int] = {}
        self._ended: set[str] = set()
        now = time.time()
        files.append("", [Event(wall_time=now, step=0, summary=_experiment(domains))])

    def write_curve(
        self, run: str, rows: Sequence[CurveRow], wall_time: float | None = None
    ) -> None:
        """Add rows of `CURVES` of one trial, by ascending step; null values leave a gap.

        `wall_time` is in seconds since 1970; None: now.
        """
        last = self._last_steps.get(run, -1)
        events = [
            Event(wall_time=wall_time or time.time(), step=row.step, summary=_curve_point(row))
            for row in rows
            if row.step > last
        ]
        if events:
            self._last_steps[run] = events[-1].step
            self._files.append(run, events)

    def write_trial(self, run: str, row: TrialRow, wall_time: float | None = None) -> None:
        """Add a finished row of `TRIALS`: its hyperparameters and its results."""
        if run in self._ended:
            return
        self._ended.add(run)
        started = row.started_at.timestamp()
        results = scalars({f"final/{name}": row.column(name) for name in METRICS})
        columns = {name: row.column(name) for name in HPARAMS}
        hparams = {name: value for name, value in columns.items() if value is not None}
        summaries = (
            hparams_pb(hparams, trial_id=run, start_time_secs=started),
            results,
            _session_end(diverged=row.status == "diverged", at=started + row.pack_seconds),
        )
        now = wall_time or time.time()
        self._files.append(
            run, [Event(wall_time=now, step=row.steps, summary=each) for each in summaries]
        )

    def write_note(self, markdown: str) -> None:
        """Say something of all runs, in the tab Text."""
        self._files.append("", [Event(wall_time=time.time(), summary=text_pb(NOTE, markdown))])

    def close(self) -> None:
        """See to it that all events are where TensorBoard finds them."""
        self._files.close()


def _curve_point(row: CurveRow) -> Summary:
    return scalars({tag: getattr(row, column) for tag, column in CURVE_SCALARS.items()})


def _experiment(domains: Mapping[str, ColumnDomain]) -> Summary:
    """The columns of the HParams tab. TensorBoard shows first those that are said to differ."""
    infos = []
    for name in HPARAMS:
        known = domains.get(name, _UNKNOWN)
        info = api_pb2.HParamInfo(name=name, differs=_differs(known))
        _announced(name, known).update_hparam_info(info)
        infos.append(info)
    metrics = [Metric(f"final/{name}", display_name=name).as_proto() for name in METRICS]
    experiment = api_pb2.Experiment(
        hparam_infos=infos, metric_infos=metrics, time_created_secs=time.time()
    )
    return _hparams_summary(metadata.EXPERIMENT_TAG, experiment=experiment)


def _session_end(*, diverged: bool, at: float) -> Summary:
    end = plugin_data_pb2.SessionEndInfo(
        status=api_pb2.STATUS_FAILURE if diverged else api_pb2.STATUS_SUCCESS, end_time_secs=at
    )
    return _hparams_summary(metadata.SESSION_END_INFO_TAG, session_end_info=end)


def _hparams_summary(tag: str, **content: Any) -> Summary:
    """What TensorBoard has no public call for: `hparams_config` knows nothing of `differs`."""
    value = Summary.Value(
        tag=tag,
        metadata=metadata.create_summary_metadata(plugin_data_pb2.HParamsPluginData(**content)),
        tensor=metadata.NULL_TENSOR,
    )
    return Summary(value=[value])


def _differs(known: ColumnDomain) -> bool:
    match known:
        case Interval(low=low, high=high):
            return low < high
        case Listed(values=values):
            return len(set(values)) > 1


def _announced(name: str, known: ColumnDomain) -> Domain:
    """TensorBoard's word for the domain of a column, in the column's own type."""
    column_type = _COLUMN_TYPES[str(TRIALS.field(name).type)]
    match known:
        case Interval(low=low, high=high) if column_type is int:
            return IntInterval(int(low), int(high))
        case Interval(low=low, high=high):
            return RealInterval(float(low), float(high))
        case Listed(values=values):
            return Discrete([column_type(value) for value in values], dtype=column_type)
