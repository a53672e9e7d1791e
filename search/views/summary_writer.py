"""Keeps the summary in step with the studies that have finished."""

import logging
import time
from typing import Any

import pyarrow
from ray.tune.experiment import Trial

from results import OutputFolder, OutputUnavailable, summary_of

from ..planning.search_plan import SearchPlan
from ..tune.searcher import pack_of
from .guard import View

WRITE_SECONDS = 5.0
"""The file is written anew at most so often: it holds all studies, and a store takes its time."""

logger = logging.getLogger(__name__)


class SummaryWriter(View):
    """Rewrites `summary.parquet` while the search runs; the runner writes it when it has ended.

    A study is summarised once, when it finishes. Nothing waits here, as Tune's loop would wait with
    it: while the store is away the summary stays behind.
    """

    def __init__(self, plan: SearchPlan, folder: OutputFolder) -> None:
        """Watch `plan`; write to `folder`."""
        self._plan, self._folder = plan, folder
        self._summaries: dict[str, pyarrow.Table] = {}
        self._written = 0
        self._written_at = -WRITE_SECONDS

    def __enter__(self) -> "SummaryWriter":
        """Summarise what an earlier run has finished."""
        for name in self._plan.studies:
            self._summarise(name)
        return self

    def on_trial_complete(
        self, iteration: int, trials: list[Any], trial: Trial, **info: Any
    ) -> None:
        """Called by Tune in the driver after the searcher has taken in a pack's rows."""
        study = pack_of(trial).study
        self._summarise(study)

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        """Called by Tune after every turn of its loop, at least once a second."""
        due = time.monotonic() - self._written_at >= WRITE_SECONDS
        if due and len(self._summaries) > self._written:
            self._written_at = time.monotonic()
            in_order = [
                self._summaries[name] for name in self._plan.studies if name in self._summaries
            ]
            try:
                self._folder.write_summary(pyarrow.concat_tables(in_order))
            except OutputUnavailable as error:
                logger.warning("the summary is written later: %s", error)
            else:
                self._written = len(in_order)

    def _summarise(self, name: str) -> None:
        study = self._plan.studies[name]
        if study.finished and name not in self._summaries:
            self._summaries[name] = summary_of([study.tally])
