"""TensorBoard's event files, kept in step with a running search."""

import logging
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ray.tune import Callback

from results import OutputFolder
from results.event_files import open_event_files
from results.loss_figure import loss_figure
from results.tensorboard import Range, TensorBoardWriter, Values
from spaces import Choices, Spec, studies

from .search_run import SearchRun
from .study_label import study_label
from .study_run import Row

logger = logging.getLogger(__name__)

SAMPLED_CURVES = 16
"""With `tensorboard: best`, so many trials of each study show their curves, evenly spread over
their numbers, beside those that were the best so far and the confirm replicates."""

FIGURE = "nmse_by_depth_and_width"


class TensorBoardView(Callback):
    """Writes what TensorBoard shows: every trial, and the curves that the spec asks for.

    Used in the driver's process only. A folder that can't be written ends the view, not the search.
    """

    def __init__(self, run: SearchRun, folder: OutputFolder) -> None:
        """Begin anew: what an earlier, interrupted run wrote is written again from its rows."""
        self._run = run
        self._best: dict[str, Row] = {}
        self._ended: Counter[str] = Counter()
        self._drawn: set[str] = set()
        self._writer: TensorBoardWriter | None = None
        with self._forgiving():
            files = open_event_files(folder.uri)
            files.clear()
            self._writer = TensorBoardWriter(files, domains(run.spec))
            if run.trials_ended:
                trials, curves = folder.read_trials(), folder.read_curves()
                self._take(trials.to_pylist(), curves.to_pylist(), restored=True)
                self._draw_finished()

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune stores its callbacks, and a writer can't be stored."""
        return {}

    def __enter__(self) -> "TensorBoardView":
        """Watch for the length of the block."""
        return self

    def __exit__(self, *error: object) -> None:
        """Store what is still on its way."""
        if self._writer is not None:
            self._writer.close()

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        """Called by Tune for each report of a pack, the last one with its finished rows."""
        with self._forgiving():
            self._take(result.get("trial_rows", ()), result["curve_rows"])

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Called by Tune after the searcher has taken in a pack's rows."""
        with self._forgiving():
            self._draw_finished()

    @contextmanager
    def _forgiving(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            logger.warning("TensorBoard's files can't be written (%s); the search goes on", error)
            self._writer = None

    def _take(
        self, trial_rows: Sequence[Row], curve_rows: Sequence[Row], restored: bool = False
    ) -> None:
        """Write rows: now, or (`restored`) under the time at which they were made."""
        writer = self._writer
        if writer is None:
            return
        times = {
            run_name(row): row["started_at"].timestamp() if restored else None for row in trial_rows
        }
        improved = self._write_best(writer, trial_rows, times)
        curves: dict[str, list[Row]] = {}
        for row in curve_rows:
            curves.setdefault(run_name(row), []).append(row)
        for name, rows in curves.items():
            if name in improved or self._shows_curve(rows[0]):
                writer.write_curve(name, rows, times.get(name))
        for row in trial_rows:
            writer.write_trial(run_name(row), row, times[run_name(row)])

    def _shows_curve(self, row: Row) -> bool:
        spec = self._run.spec
        if spec.tensorboard == "all" or row["phase"] == "confirm":
            return True
        return bool(row["trial"] % math.ceil(spec.budget.trials / SAMPLED_CURVES) == 0)

    def _write_best(
        self, writer: TensorBoardWriter, rows: Sequence[Row], times: Mapping[str, float | None]
    ) -> set[str]:
        """Write each study's best so far; return the runs that were the best when they ended."""
        improved: set[str] = set()
        latest: dict[str, str] = {}
        for row in (row for row in rows if row["phase"] == "search"):
            study, name = row["study"], run_name(row)
            latest[study] = name
            self._ended[study] += 1
            best = self._best.get(study)
            if row["status"] == "completed" and (best is None or row["nmse"] < best["nmse"]):
                self._best[study] = row
                improved.add(name)
                writer.write_best(study_run(study), self._ended[study], row, times[name])
        for study, name in latest.items():
            if study in self._best and name not in improved:
                best = self._best[study]
                writer.write_best(study_run(study), self._ended[study], best, times[name])
        return improved

    def _draw_finished(self) -> None:
        """Draw each study that has finished since the last call."""
        for study in self._run.studies.values():
            if self._writer is None or study.name in self._drawn or not study.finished:
                continue
            self._drawn.add(study.name)
            figure = loss_figure(study.trial_rows, study_label(study.name))
            if figure is not None:
                self._writer.write_figure(study_run(study.name), FIGURE, *figure)


def study_run(study: str) -> str:
    """The run that holds a study's best so far and its figure.

    >>> study_run("dimension=8,multiplication=false")
    'd=8/mult=no/best'
    """
    return f"{_study_folder(study)}/best"


def run_name(row: Row) -> str:
    """The run of a row of trials or of curves.

    >>> row = {"study": "dimension=8,multiplication=false", "trial": 42, "phase": "search"}
    >>> run_name(row)
    'd=8/mult=no/trial-0042'
    >>> run_name(row | {"phase": "confirm", "replicate": 1, "steps_factor": 4})
    'd=8/mult=no/trial-0042-confirm-1-steps-x4'
    """
    name = f"{_study_folder(row['study'])}/trial-{row['trial']:04d}"
    if row["phase"] == "search":
        return name
    name += f"-confirm-{row['replicate']}"
    return name if row["steps_factor"] == 1 else f"{name}-steps-x{row['steps_factor']}"


def _study_folder(study: str) -> str:
    """The study's label as folders, one for each grid value; a slash in a value is escaped."""
    return study_label(study.replace("/", "%2F"), "/")


def domains(spec: Spec) -> dict[str, Range | Values]:
    """What is known beforehand of the values in each column of the HParams tab."""
    known: dict[str, Range | Values] = {
        "study": [study.name for study in studies(spec)],
        "phase": ["search", "confirm"],
        "status": ["completed", "pruned", "diverged"],
        "replicate": (0, spec.confirm.replicates - 1 if spec.confirm else 0),
        "steps_factor": list(spec.confirm.steps_factors) if spec.confirm else [1],
    }
    known |= {name: [value] for name, value in (spec.task.model_dump() | spec.fixed).items()}
    known |= spec.grid
    known["schedule_steps"] = sorted(
        {int(steps) * int(factor) for steps in known["steps"] for factor in known["steps_factor"]}
    )
    for name, domain in spec.space.items():
        known[name] = domain.choices if isinstance(domain, Choices) else (domain.low, domain.high)
    return known
