"""Keeps the output folder of a running search down to few files."""

import threading
from typing import Any

from ray.tune.experiment import Trial

from results import OutputFolder
from results.folder import COMPACT_ABOVE

from .forgiving import Guard
from .guard import View


class Compactor(View):
    """Merges the parts of packs that have finished, in a thread of its own, as they get many.

    A store that is away is asked again after as many packs.
    """

    def __init__(self, folder: OutputFolder) -> None:
        """Merge in `folder`."""
        self._folder = folder
        self._packs = 0
        self._thread: threading.Thread | None = None

    def on_trial_complete(
        self, iteration: int, trials: list[Any], trial: Trial, **info: Any
    ) -> None:
        """Called by Tune after a pack has finished."""
        self._packs += 1
        if self._packs > COMPACT_ABOVE and (self._thread is None or not self._thread.is_alive()):
            self._packs = 0
            self._thread = threading.Thread(target=self._merge, name="compactor", daemon=True)
            self._thread.start()

    def __exit__(self, *error: object) -> None:
        """Wait for a merge under way: nobody else writes to the folder meanwhile."""
        if self._thread is not None:
            self._thread.join()

    def _merge(self) -> None:
        Guard("merging the files of packs").attempt(self._folder.compact_packs)
