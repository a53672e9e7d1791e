"""Packs that fail: tried again, a bounded number of times, with the reason from what Tune keeps."""

import logging
from collections import Counter
from itertools import count
from pathlib import Path
from random import Random

import pytest
from ray.exceptions import RayActorError, RayTaskError
from ray.train._internal.storage import StorageContext
from ray.tune.error import TuneError
from ray.tune.experiment import Trial
from ray.tune.search import Searcher

from results import OutputError, summary_of
from search.planning.search_plan import SearchPlan
from search.tune.pack_failures import PackFailures
from search.tune.searcher import ATTEMPTS, PackSearcher, pack_of
from search.tune.time_budget import TimeBudget
from tests.search_tests.studies import RecordedPlan, run_all, tiny, train_once
from trainables import Pack, PackKey
from trainables.ratings import TableError

Errors = TuneError | RayTaskError | RayActorError


def in_worker(cause: Exception) -> RayTaskError:
    return RayTaskError("train", f"Traceback of {cause}", cause)


IN_DRIVER = TuneError("Traceback (most recent call last):\n  File ...\nValueError: no view [x]\n")
DIED = RayActorError(error_msg="The actor died")


@pytest.fixture
def searcher() -> PackSearcher:
    plan = SearchPlan(tiny())
    budget = TimeBudget(plan, workers=1, when_up=lambda: None)
    return PackSearcher(plan, out="out", execution=0, cpus=1, time_budget=budget)


def suggested(searcher: PackSearcher, trial_id: str, folder: Path) -> Trial:
    """The next pack as Tune's trial."""
    config = searcher.suggest(trial_id)
    assert isinstance(config, dict)
    storage = StorageContext(storage_path=str(folder), experiment_dir_name="packs")
    trial = Trial("none", config=config, trial_id=trial_id, storage=storage, stub=True)
    trial.init_local_path()
    return trial


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (in_worker(ValueError("odd")), "ValueError: odd"),
        (in_worker(OutputError("the disk [sda] is full")), "the disk [sda] is full"),
        (in_worker(TableError("must hold what it held")), "must hold what it held"),
        (DIED, "The actor died"),
        (IN_DRIVER, "in the search's own process: ValueError: no view [x]"),
        (None, "Ray Tune gave no reason"),
    ],
)
@pytest.mark.usefixtures("two_cpus")
def test_a_pack_is_tried_again_and_then_stops_its_study_with_the_latest_reason(
    error: Errors | None,
    reason: str,
    searcher: PackSearcher,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    failures, keys = PackFailures(searcher), set()
    for attempt in range(ATTEMPTS):
        assert searcher.plan.failed == {}
        trial = suggested(searcher, f"attempt{attempt}", tmp_path)
        keys.add(pack_of(trial))
        latest = error if attempt == ATTEMPTS - 1 else DIED
        if latest is not None:
            trial.handle_error(latest)
        searcher.on_trial_complete(trial.trial_id, error=True)
        with caplog.at_level(logging.WARNING):
            failures.on_trial_error(1, [], trial)
    (key,) = keys
    again = f"{key.study}: {key} failed, trying again: The actor died"
    assert [each for each in caplog.messages if "trying again" in each] == [again] * (ATTEMPTS - 1)
    assert searcher.plan.failed[key.study].startswith(f"{key} failed: {reason}")


@pytest.mark.parametrize("seed", range(3))
def test_failed_attempts_change_no_row(searcher: PackSearcher, seed: int) -> None:
    """To the very last pack: a search waits for those in flight, which may have to begin again."""
    undisturbed = RecordedPlan(searcher.plan.spec)
    run_all(undisturbed, train_once)
    random, attempts, number = Random(seed), Counter[PackKey](), count()
    in_flight: dict[str, Pack] = {}
    while True:
        trial = str(next(number))
        config: object = searcher.suggest(trial)
        if config == Searcher.FINISHED:
            break
        if isinstance(config, dict):
            in_flight[trial] = Pack.from_text(config["pack"])
            continue
        trial = random.choice([*in_flight])
        pack = in_flight.pop(trial)
        attempts[pack.key] += 1
        if attempts[pack.key] < random.randint(1, ATTEMPTS):
            searcher.on_trial_complete(trial, error=True)
            assert searcher.tries_again(pack.key)
        else:
            rows = train_once(pack)
            searcher.on_trial_complete(trial, {"pack_result": rows.to_arrow()})
    assert not in_flight
    assert max(attempts.values()) > 1
    assert searcher.plan.failed == {}
    assert searcher.plan.finished
    assert summary_of(searcher.plan.finished_tallies) == summary_of(undisturbed.finished_tallies)
