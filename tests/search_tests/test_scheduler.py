"""The scheduler that lets every worker come up and keeps it, and what it reads of Tune's inside."""

from pathlib import Path
from typing import Any

import pandas
import pytest
from ray.tune.execution.placement_groups import PlacementGroupFactory
from ray.tune.experiment import Trial
from ray.tune.utils.object_cache import _ObjectCache

from search import run_search
from search.tune.scheduler import PackScheduler
from tests.search_tests.studies import TINY

pytestmark = pytest.mark.usefixtures("two_cpus")


class Watching(PackScheduler):
    """Checks, while a real search runs, that Tune has what the scheduler reads and changes."""

    asked = 0

    def choose_trial_to_run(self, tune_controller: Any) -> Trial | None:
        for trial, actor in tune_controller._trial_to_actor.items():
            assert isinstance(trial, Trial)
            assert isinstance(tune_controller._actor_manager.is_actor_started(actor), bool)
        assert isinstance(tune_controller._started_actors, set)
        for placement, trials in tune_controller._resources_to_pending_trials.items():
            assert isinstance(placement, PlacementGroupFactory)
            assert all(trial.status == Trial.PENDING for trial in trials)
        chosen = super().choose_trial_to_run(tune_controller)
        cache = tune_controller._actor_cache
        assert isinstance(cache, _ObjectCache)
        if tune_controller.get_trials():
            assert cache.total_max_objects >= self._workers
        Watching.asked += 1
        return chosen


def ends(packs: pandas.DataFrame) -> pandas.Series:
    """When each pack ended."""
    return packs["started_at"] + pandas.to_timedelta(packs["pack_seconds"], unit="s")


def test_both_workers_are_used_by_packs_shorter_than_a_worker_s_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("search.tune.scheduler.PackScheduler", Watching)
    budget = {"trials": 100, "pack_size": 2}
    fixed = {"multiplication": True, "steps": 600, "batch_size": 8}
    spec = {**TINY, "fixed": fixed, "sampler": "random", "budget": budget, "confirm": None}
    result = run_search(spec, str(tmp_path / "out"))
    assert result.failed == {}
    packs = result.trials.drop_duplicates(["study", "pack"])
    assert len(packs) == 100
    assert packs["pack_seconds"].median() < 0.5
    shares = packs["worker"].value_counts(normalize=True)
    assert len(shares) == 2
    assert shares.min() > 0.1
    assert Watching.asked > 0


@pytest.mark.parametrize("workers", [2, 8])
def test_one_study_uses_every_worker_from_start_to_end(tmp_path: Path, workers: int) -> None:
    """More workers than processors count too: half a processor each, or a quarter."""
    spec = {
        **TINY,
        "grid": {"dimension": [4]},
        "fixed": {"steps": 300, "batch_size": 256},
        "budget": {
            "trials": 16 * workers,
            "pack_size": 2,
            "startup_packs": workers,
            "packs_in_flight": workers,
        },
        "resources": {"cpus": 2 / workers},
        "confirm": None,
        "tensorboard": "off",
    }
    result = run_search(spec, str(tmp_path / "out"))
    packs = result.trials.drop_duplicates("pack")
    assert len(packs) == 8 * workers
    assert packs["worker"].nunique() == workers, "a worker was dropped, and another one started"
    last_ends = ends(packs).groupby(packs["worker"]).max()
    share = (last_ends - packs["started_at"].min()) / (last_ends.max() - packs["started_at"].min())
    assert share.min() > 0.5, "a worker had nothing to do for half of the search"
