"""What the driver needn't keep of packs that are done."""

from typing import Any

from ray.tune import Callback
from ray.tune.experiment import Trial


class ForgottenResults(Callback):
    """Drops the rows of a pack from what Tune keeps of its trial until the search ends.

    They have been taken in by then. It must come after all callbacks that read them.
    """

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Trial, **_: Any) -> None:
        """Called by Tune after the searcher has taken in a pack's rows."""
        for name in ("pack_result", "so_far"):
            trial.last_result.pop(name, None)
