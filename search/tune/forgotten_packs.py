"""What the driver needn't keep of packs that are done."""

from typing import Any

from ray.tune import Callback
from ray.tune.experiment import Trial


class ForgottenPacks(Callback):
    """Drops what Tune keeps of a pack's trial until the search ends, and nobody reads again.

    Its rows and reports have been taken in by then; the pack itself stands in its configuration,
    and three times more in what Tune makes of that. It must come after all callbacks that read
    them.
    """

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Trial, **_: Any) -> None:
        """Called by Tune after the searcher has taken in a pack's rows."""
        for name in ("pack_result", "so_far", "experiment_tag", "config"):
            trial.last_result.pop(name, None)
        trial.config.clear()
        trial.evaluated_params, trial.experiment_tag = {}, ""
        # Averages of the numbers in its reports.
        trial.run_metadata.metric_analysis.clear()
        trial.run_metadata.metric_n_steps.clear()
        trial.run_metadata.invalidate_cache()
