"""TensorBoard's runs of the studies, kept in step with a running search."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pyarrow
import pyarrow.compute
from ray.tune.experiment import Trial

from results import OutputFolder, summary_of
from results.loss_figure import LossFigure
from results.rows import CurveRow, PackResult, TrialRow, curves_of, table_of_trials, trials_of
from results.table_parts import TableParts
from results.tally import StudyTally
from results.tensorboard import log_folders
from results.tensorboard.event_files import open_event_files
from results.tensorboard.study_runs import StudyRuns
from spaces.vocabulary import best_trial

from ..planning.search_plan import SearchPlan
from ..planning.study_plan import StudyPlan
from ..text.study_label import study_folder, study_label
from ..tune.searcher import pack_of
from .conclusion_markdown import conclusion_markdown
from .forgiving import Guard
from .guard import View

FIGURE = "nmse_by_depth_and_width"


class StudiesBoard(View):
    """Writes a run for each study: its best so far, then its winner and its figure.

    Begins anew: what an earlier, interrupted run wrote is written again from its rows.
    """

    def __init__(self, plan: SearchPlan, folder: OutputFolder) -> None:
        """Watch `plan`, whose rows are in `folder`; write beside them."""
        self._plan, self._folder = plan, folder
        self._best: dict[str, TrialRow] = {}
        self._curves: dict[str, list[CurveRow]] = {}
        self._loss_figures: dict[str, LossFigure] = {}
        self._ended: Counter[str] = Counter()
        self._summaries: dict[str, pyarrow.Table] = {}
        self._figures = Guard("TensorBoard's figures")
        self._files = open_event_files(folder.uri, log_folders.STUDIES)
        self._runs: StudyRuns | None = None

    def __enter__(self) -> "StudiesBoard":
        """Write what an earlier run has done."""
        self._files.clear()
        self._runs = StudyRuns(self._files)
        if self._plan.trials_ended:
            trials, curves = self._folder.trials_by_study(), self._folder.curves_by_study()
            for study in self._plan.studies.values():
                self._restore(study.name, trials.of(study.name), curves)
                if study.finished:
                    self._finish(study)
            self._conclude()
        return self

    def __exit__(self, *error: object) -> None:
        """Store what is still on its way."""
        self._files.close()

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        """Called by Tune for each report of a pack, the last one with its finished rows."""
        if "pack_result" in result:
            rows = PackResult.from_arrow(result["pack_result"])
            searched = [row for row in rows.trials if row.phase == "search"]
            if searched:
                self._take(searched)
                self._figure_of(searched[0].study).take(table_of_trials(searched))
            best = {row.key for row in self._best.values()}
            if points := [point for point in rows.curves if point.key in best]:
                self._curves[points[0].study] = points

    def on_trial_complete(
        self, iteration: int, trials: list[Any], trial: Trial, **info: Any
    ) -> None:
        """Called by Tune after the searcher has taken in a pack's rows."""
        study = self._plan.studies[pack_of(trial).study]
        if study.finished:
            self._finish(study)
            self._conclude()

    def _restore(self, study: str, trials: pyarrow.Table, curves: TableParts) -> None:
        """Write a study's best so far, of an earlier run: where it has improved, and at the end."""
        searched = trials.filter(pyarrow.compute.field("phase") == "search")
        if not searched.num_rows:
            return
        self._figure_of(study).take(searched)
        for place in StudyTally.of(searched).improved.nonzero()[0].tolist():
            self._ended[study] = place
            self._take(trials_of(searched.slice(place, 1)))
        self._ended[study] = searched.num_rows - 1
        self._take(trials_of(searched.slice(searched.num_rows - 1)))
        if study in self._best:
            of_best = pyarrow.compute.field("trial") == self._best[study].trial
            points = curves_of(curves.of(study).filter(of_best))
            self._curves[study] = [point for point in points if point.phase == "search"]

    def _take(self, searched: Sequence[TrialRow]) -> None:
        """Write a study's best so far: where it has improved, and as it is after the last row.

        Its time is that at which the pack ended, whenever the rows are read.
        """
        assert self._runs is not None  # within the block
        for row in searched:
            study = row.study
            self._ended[study] += 1
            known = [self._best[study]] if study in self._best else []
            best = best_trial([*known, row])
            if best is not None and (row is best or row is searched[-1]):
                self._best[study] = best
                ended_at = row.started_at.timestamp() + row.pack_seconds
                self._runs.write_best(study_folder(study), self._ended[study], best, ended_at)

    def _figure_of(self, study: str) -> LossFigure:
        return self._loss_figures.setdefault(study, LossFigure())

    def _finish(self, study: StudyPlan) -> None:
        """Write a finished study's winner and figure; the former doesn't depend on the latter."""
        assert self._runs is not None  # within the block
        self._summaries[study.name] = summary_of([study.tally])
        if study.name in self._best:
            run = study_folder(study.name)
            self._runs.write_winner(run, self._curves.get(study.name, ()))
            self._figures.attempt(lambda: self._draw(study, run))

    def _draw(self, study: StudyPlan, run: str) -> None:
        assert self._runs is not None  # within the block
        figure = self._figure_of(study.name).draw(study_label(study.name))
        if figure is not None:
            self._runs.write_figure(run, FIGURE, *figure)

    def _conclude(self) -> None:
        """Say what the studies that have finished came to."""
        assert self._runs is not None  # within the block
        known = [self._summaries[name] for name in self._plan.studies if name in self._summaries]
        if known:
            summary = pyarrow.concat_tables(known)
            self._runs.write_conclusion(conclusion_markdown(summary), summary.num_rows)
