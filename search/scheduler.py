"""Which pending pack gets a worker that has come free."""

from typing import Any

from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler


class PackScheduler(FIFOScheduler):
    """First in, first out, but a pack whose own worker is already starting waits for that worker.

    With reused actors Tune gives a freed actor to the oldest pending trial and removes the actor
    that is starting for it. Where packs end more often than actors start, further workers would
    then never come up. A pack that still waits for resources is not held back: it has no process on
    the way. What is read here of Tune is private; the version is pinned and a test holds it.
    """

    def choose_trial_to_run(self, tune_controller: Any) -> Trial | None:
        """The oldest pending trial that has no worker of its own on the way."""
        trial: Trial
        for trial in tune_controller.get_trials():
            if trial.status == Trial.PENDING and not self._worker_is_starting(
                tune_controller, trial
            ):
                return trial
        return None

    @staticmethod
    def _worker_is_starting(tune_controller: Any, trial: Trial) -> bool:
        """Whether Ray has been asked for the process of the trial's actor, and it isn't up yet."""
        actor = tune_controller._trial_to_actor.get(trial)
        if actor is None or actor in tune_controller._started_actors:
            return False
        return bool(tune_controller._actor_manager.is_actor_started(actor))
