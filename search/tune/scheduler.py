"""Which pending pack gets a worker that has come free, and how long a worker is kept."""

from typing import Any

from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler


class PackScheduler(FIFOScheduler):
    """First in, first out, with every worker kept until the search ends.

    With reused actors Tune by itself does two things that leave workers unused. It removes an actor
    that is idle while no trial is pending: a study that waits for results has none. And it gives a
    freed actor to any pending trial and removes the actor that is starting for it: where packs end
    more often than actors start, further workers never come up. Here idle workers are kept, and a
    pack whose own worker is starting waits for that worker. A pack that still waits for resources
    is not held back: it has no process on the way. What is read here of Tune is private; the
    version is pinned and a test holds it.
    """

    def __init__(self, workers: int) -> None:
        """Keep as many as `workers`, the most packs that are ever in flight."""
        super().__init__()  # type: ignore[no-untyped-call]
        self._workers = workers
        self._keeps_workers = False

    def choose_trial_to_run(self, tune_controller: Any) -> Trial | None:
        """The oldest pending trial that has no worker of its own on the way."""
        chosen: Trial | None = None
        trial: Trial
        for trial in tune_controller.get_trials():
            if trial.status != Trial.PENDING:
                continue
            self._keep_workers(tune_controller, trial)
            if not _worker_is_starting(tune_controller, trial):
                chosen = chosen or trial
                continue
            # Tune hands the actors that are free after this call to the trials it finds here.
            placement = trial.placement_group_factory
            tune_controller._resources_to_pending_trials[placement].discard(trial)
        return chosen

    def _keep_workers(self, tune_controller: Any, trial: Trial) -> None:
        if not self._keeps_workers:
            self._keeps_workers = True
            placement = trial.placement_group_factory
            tune_controller._actor_cache.increase_max(placement, by=self._workers)


def _worker_is_starting(tune_controller: Any, trial: Trial) -> bool:
    """Whether Ray has been asked for the process of the trial's actor, and it isn't up yet."""
    actor = tune_controller._trial_to_actor.get(trial)
    if actor is None or actor in tune_controller._started_actors:
        return False
    return bool(tune_controller._actor_manager.is_actor_started(actor))
