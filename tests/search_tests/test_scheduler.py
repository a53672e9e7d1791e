"""The scheduler that lets every worker come up, and what it reads of Tune's inside."""

from pathlib import Path
from typing import Any

import pytest
from ray.tune.experiment import Trial

from search import run_search
from search.scheduler import PackScheduler
from tests.search_tests.studies import TINY


class Watching(PackScheduler):
    """Checks, while a real search runs, that Tune has what the scheduler reads."""

    asked = 0

    def choose_trial_to_run(self, tune_controller: Any) -> Trial | None:
        for trial, actor in tune_controller._trial_to_actor.items():
            assert isinstance(trial, Trial)
            assert isinstance(tune_controller._actor_manager.is_actor_started(actor), bool)
        Watching.asked += 1
        return super().choose_trial_to_run(tune_controller)


@pytest.mark.usefixtures("two_cpus")
def test_both_workers_are_used_by_packs_shorter_than_a_worker_s_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("search.scheduler.PackScheduler", Watching)
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
