"""What went wrong with a pack, said once and in words."""

import logging
from pathlib import Path
from typing import Any

from ray import cloudpickle
from ray.exceptions import RayTaskError
from ray.tune import Callback
from ray.tune.experiment import Trial

from results import OutputError
from trainables.ratings import TableError

from .searcher import PackSearcher, pack_of

logger = logging.getLogger(__name__)

_OF_THE_USER = (OutputError, TableError)
"""Errors that say what is to be done, in words."""


class PackFailures(Callback):
    """Logs a pack that failed and is tried again; gives the reason when it failed for good.

    Tune would log every attempt with the stack of its own calls. Here an error of the output folder
    or of a table is a sentence, and an error in our code is shown with its traceback, once at the
    end.
    """

    def __init__(self, searcher: PackSearcher) -> None:
        """Tell the plan of `searcher` the reasons."""
        self._searcher = searcher
        self._waiting: set[str] = set()

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Trial, result: dict[str, Any], **_: Any
    ) -> None:
        """Called by Tune for each report of a pack: some say that it waits to be written."""
        if "waits" in result and trial.trial_id not in self._waiting:
            self._waiting.add(trial.trial_id)
            key = pack_of(trial)
            logger.warning("%s: %s waits to be written: %s", key.study, key, result["waits"])

    def on_trial_recover(self, iteration: int, trials: list[Any], trial: Trial, **_: Any) -> None:
        """Called by Tune where it begins a pack again itself: its node was taken away on notice."""
        key = pack_of(trial)
        logger.warning("%s: %s failed, trying again: %s", key.study, key, _reason(trial))

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Trial, **_: Any) -> None:
        """Called by Tune after the searcher has heard that an attempt failed."""
        key, reason = pack_of(trial), _reason(trial)
        if self._searcher.tries_again(key):
            logger.warning("%s: %s failed, trying again: %s", key.study, key, reason)
            return
        self._searcher.plan.fail(key.study, f"{key} failed: {reason}")
        error = _error(trial)
        if not isinstance(getattr(error, "cause", None), _OF_THE_USER):
            logger.error("%s: %s:\n%s", key.study, key, error)


def _error(trial: Trial) -> BaseException | str:
    """The error of an attempt, from the files that Tune keeps of it.

    One of a worker is kept whole. Of one in the driver's own loop (the searcher, a callback) there
    is the text alone.
    """
    if trial.pickled_error_file is not None:
        error: BaseException = cloudpickle.loads(Path(trial.pickled_error_file).read_bytes())
        return error
    text = Path(trial.error_file).read_text() if trial.error_file is not None else ""
    return text.rpartition("\nFailure # ")[2]


def _reason(trial: Trial) -> str:
    error = _error(trial)
    if isinstance(error, str):
        lines = error.strip().splitlines()
        return f"in the search's own process: {lines[-1]}" if lines else "Ray Tune gave no reason"
    if isinstance(error, RayTaskError):
        cause = error.cause
        return str(cause) if isinstance(cause, _OF_THE_USER) else f"{type(cause).__name__}: {cause}"
    return (str(error).splitlines() or [type(error).__name__])[0]
