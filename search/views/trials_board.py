"""TensorBoard's runs of single trials, kept in step with a running search."""

from collections.abc import Sequence
from typing import Any

from results import OutputFolder
from results.rows import CurveRow, KeyedRow, PackResult, TrialRow, curves_of, trials_of
from results.tensorboard import log_folders
from results.tensorboard.event_files import open_event_files
from results.tensorboard.log_folders import MOST_RUNS
from results.tensorboard.trial_runs import TrialRuns
from spaces import Spec, studies
from spaces.vocabulary import best_trial

from ..planning.search_plan import SearchPlan
from ..saved_search.sampled_trials import Sample, of_trials, sampled
from ..text.study_label import study_folder
from .guard import View
from .hparams_domains import domains

SAMPLED_CURVES = 16
"""With `tensorboard: best`, so many trials of each study show their curves, beside those that were
the best so far and the confirm replicates."""


def shown_runs(spec: Spec) -> Sample:
    """Which trials of a search have a run in TensorBoard: all, or a sample of many."""
    return Sample(studies=len(studies(spec)), trials=spec.budget.trials, most=MOST_RUNS)


class TrialsBoard(View):
    """Writes trials as rows of HParams, all or a sample, and the curves that the spec asks for.

    Begins anew: what an earlier, interrupted run wrote is written again from its rows.
    """

    def __init__(self, plan: SearchPlan, folder: OutputFolder) -> None:
        """Watch `plan`, whose rows are in `folder`; write beside them."""
        self._plan, self._folder = plan, folder
        self._runs_shown = shown_runs(plan.spec)
        self._curves_shown = Sample(studies=1, trials=plan.spec.budget.trials, most=SAMPLED_CURVES)
        self._best: dict[str, TrialRow] = {}
        self._files = open_event_files(folder.uri, log_folders.TRIALS)
        self._runs: TrialRuns | None = None

    def __enter__(self) -> "TrialsBoard":
        """Write what is known beforehand, and what an earlier run has done."""
        self._files.clear()
        self._runs = TrialRuns(self._files, domains(self._plan.spec))
        if told := str(self._runs_shown):
            self._runs.write_note(f"{told}. All are in the table `trials`.")
        if self._plan.trials_ended:
            trials, curves = self._folder.trials_by_study(), self._folder.curves_by_study()
            for study in trials.studies:
                rows = sampled(trials.of(study), self._runs_shown)
                points = of_trials(curves.of(study), rows)
                self._take(trials_of(rows), curves_of(points), restored=True)
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

    def _take(
        self, trials: Sequence[TrialRow], curves: Sequence[CurveRow], restored: bool = False
    ) -> None:
        """Write rows: now, or (`restored`) under the time at which they were made."""
        assert self._runs is not None  # within the block
        improved = {run_name(row) for row in trials if self._is_best_so_far(row)}
        shown = [row for row in trials if self._shows(row) or run_name(row) in improved]
        times = {run_name(row): row.started_at.timestamp() if restored else None for row in shown}
        by_run: dict[str, list[CurveRow]] = {}
        for point in curves:
            by_run.setdefault(run_name(point), []).append(point)
        for name, points in by_run.items():
            if name in improved or self._shows_curve(points[0]):
                self._runs.write_curve(name, points, times.get(name))
        for row in shown:
            self._runs.write_trial(run_name(row), row, times[run_name(row)])

    def _is_best_so_far(self, row: TrialRow) -> bool:
        """Whether no trial of its study that ended before is better."""
        known = [self._best[row.study]] if row.study in self._best else []
        if row.phase != "search" or best_trial([*known, row]) is not row:
            return False
        self._best[row.study] = row
        return True

    def _shows(self, row: KeyedRow) -> bool:
        return row.phase == "confirm" or bool(self._runs_shown.shows(row.trial))

    def _shows_curve(self, row: CurveRow) -> bool:
        if self._plan.spec.tensorboard == "all" or row.phase == "confirm":
            return self._shows(row)
        return bool(self._curves_shown.shows(row.trial))


def run_name(row: KeyedRow) -> str:
    """The run of a row of trials or of curves.

    >>> names = {"search": "quick", "study": "dimension=8,multiplication=false", "trial": 42}
    >>> run_name(KeyedRow(**names, phase="search", replicate=0, steps_factor=1))
    'd=8/mult=no/trial-0042'
    >>> run_name(KeyedRow(**names, phase="confirm", replicate=1, steps_factor=4))
    'd=8/mult=no/trial-0042-confirm-1-steps-x4'
    """
    name = f"{study_folder(row.study)}/trial-{row.trial:04d}"
    if row.phase == "search":
        return name
    name += f"-confirm-{row.replicate}"
    return name if row.steps_factor == 1 else f"{name}-steps-x{row.steps_factor}"
