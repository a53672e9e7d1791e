"""TensorBoard's event files, kept in step with a running search."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, assert_never

from ray.tune.experiment import Trial

from results import OutputFolder
from results.event_files import open_event_files
from results.loss_figure import loss_figure
from results.rows import CurveRow, KeyedRow, PackResult, TrialRow, curves_of, trials_of
from results.tensorboard import ColumnDomain, Interval, Listed, TensorBoardWriter
from spaces import Choices, FloatRange, IntRange, Spec, Study, studies
from spaces.vocabulary import PHASES, STATUSES, Value, best_trial, layers_of

from ..planning.search_plan import SearchPlan
from ..planning.study_plan import StudyPlan
from ..text.study_label import study_label
from ..tune.searcher import pack_of
from .forgiving import Guard
from .guard import View

SAMPLED_CURVES = 16
"""With `tensorboard: best`, so many trials of each study show their curves, evenly spread over
their numbers, beside those that were the best so far and the confirm replicates."""

FIGURE = "nmse_by_depth_and_width"


class TensorBoardView(View):
    """Writes what TensorBoard shows: every trial, and the curves that the spec asks for.

    Begins anew: what an earlier, interrupted run wrote is written again from its rows.
    """

    def __init__(self, plan: SearchPlan, folder: OutputFolder) -> None:
        """Watch `plan`, whose rows are in `folder`; write beside them."""
        self._plan, self._folder = plan, folder
        self._best: dict[str, TrialRow] = {}
        self._ended: Counter[str] = Counter()
        self._figures = Guard("TensorBoard's figures")
        self._files = open_event_files(folder.uri)
        self._writer: TensorBoardWriter | None = None

    def __enter__(self) -> "TensorBoardView":
        """Write what is known beforehand, and what an earlier run has done."""
        self._files.clear()
        self._writer = TensorBoardWriter(self._files, domains(self._plan.spec))
        if self._plan.trials_ended:
            trials, curves = self._folder.read_trials(), self._folder.read_curves()
            self._take(trials_of(trials), curves_of(curves), restored=True)
            for study in self._plan.studies.values():
                self._draw(study)
        return self

    def __exit__(self, *error: object) -> None:
        """Store what is still on its way."""
        self._files.close()

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        """Called by Tune for each report of a pack, the last one with its finished rows."""
        reported = result.get("pack_result", result.get("so_far"))
        if reported is not None:
            rows = PackResult.from_arrow(reported)
            self._take(rows.trials, rows.curves)

    def on_trial_complete(
        self, iteration: int, trials: list[Any], trial: Trial, **info: Any
    ) -> None:
        """Called by Tune after the searcher has taken in a pack's rows."""
        study = pack_of(trial).study
        self._draw(self._plan.studies[study])

    def _take(
        self, trials: Sequence[TrialRow], curves: Sequence[CurveRow], restored: bool = False
    ) -> None:
        """Write rows: now, or (`restored`) under the time at which they were made."""
        writer = self._writer
        assert writer is not None  # within the block
        times = {run_name(row): row.started_at.timestamp() if restored else None for row in trials}
        improved = self._write_best(writer, trials, times)
        by_run: dict[str, list[CurveRow]] = {}
        for point in curves:
            by_run.setdefault(run_name(point), []).append(point)
        for name, points in by_run.items():
            if name in improved or self._shows_curve(points[0]):
                writer.write_curve(name, points, times.get(name))
        for row in trials:
            writer.write_trial(run_name(row), row, times[run_name(row)])

    def _shows_curve(self, row: CurveRow) -> bool:
        spec = self._plan.spec
        if spec.tensorboard == "all" or row.phase == "confirm":
            return True
        return row.trial % math.ceil(spec.budget.trials / SAMPLED_CURVES) == 0

    def _write_best(
        self, writer: TensorBoardWriter, rows: Sequence[TrialRow], times: Mapping[str, float | None]
    ) -> set[str]:
        """Write each study's best so far; return the runs that were the best when they ended."""
        improved: set[str] = set()
        latest: dict[str, str] = {}
        for row in (row for row in rows if row.phase == "search"):
            study, name = row.study, run_name(row)
            latest[study] = name
            self._ended[study] += 1
            known = [self._best[study]] if study in self._best else []
            if best_trial([*known, row]) is row:
                self._best[study] = row
                improved.add(name)
                writer.write_best(study_run(study), self._ended[study], row, times[name])
        for study, name in latest.items():
            if study in self._best and name not in improved:
                best = self._best[study]
                writer.write_best(study_run(study), self._ended[study], best, times[name])
        return improved

    def _draw(self, study: StudyPlan) -> None:
        """Draw a study once it has finished; its curves don't depend on that."""
        if study.finished:
            self._figures.attempt(lambda: self._write_figure(study))

    def _write_figure(self, study: StudyPlan) -> None:
        assert self._writer is not None  # within the block
        figure = loss_figure(study.trial_rows, study_label(study.name))
        if figure is not None:
            self._writer.write_figure(study_run(study.name), FIGURE, *figure)


def study_run(study: str) -> str:
    """The run that holds a study's best so far and its figure.

    >>> study_run("dimension=8,multiplication=false")
    'd=8/mult=no/best'
    """
    return f"{_study_folder(study)}/best"


def run_name(row: KeyedRow) -> str:
    """The run of a row of trials or of curves.

    >>> names = {"search": "quick", "study": "dimension=8,multiplication=false", "trial": 42}
    >>> run_name(KeyedRow(**names, phase="search", replicate=0, steps_factor=1))
    'd=8/mult=no/trial-0042'
    >>> run_name(KeyedRow(**names, phase="confirm", replicate=1, steps_factor=4))
    'd=8/mult=no/trial-0042-confirm-1-steps-x4'
    """
    name = f"{_study_folder(row.study)}/trial-{row.trial:04d}"
    if row.phase == "search":
        return name
    name += f"-confirm-{row.replicate}"
    return name if row.steps_factor == 1 else f"{name}-steps-x{row.steps_factor}"


def _study_folder(study: str) -> str:
    """The study's label as folders, one for each grid value; a slash in a value is escaped."""
    return study_label(study.replace("/", "%2F"), "/")


def domains(spec: Spec) -> dict[str, ColumnDomain]:
    """What is known beforehand of the values in each column of the HParams tab."""
    found = studies(spec)
    factors = list(spec.confirm.steps_factors) if spec.confirm else [1]
    given = _distinct({**study.task, **study.fixed} for study in found)
    planned = {int(steps) * factor for steps in given["steps"] for factor in factors}
    known: dict[str, ColumnDomain] = {
        "study": Listed([study.name for study in found]),
        "phase": Listed(PHASES),
        "status": Listed(STATUSES),
        "replicate": Interval(0, spec.confirm.replicates - 1 if spec.confirm else 0),
        "steps_factor": Listed(factors),
        "schedule_steps": Listed(sorted(planned)),
    }
    known |= {name: Listed(values) for name, values in given.items()}
    for study in found:
        known |= {name: _column_domain(domain) for name, domain in study.space.items()}
    layers = [_layers_of(study) for study in found]
    if any(layers):
        texts = [text for of_study in layers for text in of_study]
        of_layers = _distinct(
            {"layer_sizes": text} | layers_of({"layer_sizes": text}) for text in texts
        )
        known |= {name: Listed(values) for name, values in of_layers.items()}
    return known


def _layers_of(study: Study) -> Sequence[Value]:
    """The layer sizes that a study's trials may have; none where depth and width say them."""
    domain = study.space.get("layer_sizes")
    if isinstance(domain, Choices):
        return domain.choices
    return [study.fixed["layer_sizes"]] if "layer_sizes" in study.fixed else []


def _distinct(mappings: Iterable[Mapping[str, Value | None]]) -> dict[str, list[Value]]:
    """The values under each name, each once, without null."""
    found: dict[str, list[Value]] = {}
    for mapping in mappings:
        for name, value in mapping.items():
            if value is not None and value not in found.setdefault(name, []):
                found[name].append(value)
    return {name: values for name, values in found.items() if values}


def _column_domain(domain: IntRange | FloatRange | Choices) -> ColumnDomain:
    match domain:
        case IntRange(low=low, high=high) | FloatRange(low=low, high=high):
            return Interval(low, high)
        case Choices(choices=choices):
            return Listed(choices)
    assert_never(domain)
