"""Rewrites the summary whenever a study has finished."""

import logging
from typing import Any

import pyarrow
from ray.tune import Callback

from results import TRIALS, OutputFolder, OutputUnavailable, summarise

from .search_run import SearchRun

logger = logging.getLogger(__name__)


class SummaryWriter(Callback):
    """Keeps `summary.parquet` in step with the studies that have finished.

    It never waits, as Tune's loop would wait with it: while the store is away the summary stays
    behind, until the next pack or the end of the search.
    """

    def __init__(self, run: SearchRun, folder: OutputFolder) -> None:
        """Watch `run`; write to `folder`."""
        self._run, self._folder = run, folder
        self._written = 0

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Called by Tune in the driver after the searcher has taken in a pack's rows."""
        finished = sum(study.finished for study in self._run.studies.values())
        if finished > self._written:
            rows = self._run.finished_rows
            try:
                self._folder.write_summary(summarise(pyarrow.Table.from_pylist(rows, TRIALS)))
            except OutputUnavailable as error:
                logger.warning("the summary is written later: %s", error)
            else:
                self._written = finished
