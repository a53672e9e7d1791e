"""The reason of a failed pack, from what Tune keeps of real errors."""

import logging
from pathlib import Path

import pytest
from ray.exceptions import RayActorError, RayTaskError
from ray.train._internal.storage import StorageContext
from ray.tune.error import TuneError
from ray.tune.experiment import Trial

from results import OutputError
from search.planning.search_plan import SearchPlan
from search.tune.pack_failures import PackFailures
from search.tune.searcher import pack_config
from tests.search_tests.studies import tiny


def in_worker(cause: Exception) -> RayTaskError:
    return RayTaskError("train", f"Traceback of {cause}", cause)


IN_DRIVER = TuneError("Traceback (most recent call last):\n  File ...\nValueError: no view [x]\n")


@pytest.mark.parametrize(
    ("errors", "reason"),
    [
        ([in_worker(ValueError("odd"))], "ValueError: odd"),
        ([in_worker(OutputError("the disk [sda] is full"))], "the disk [sda] is full"),
        ([RayActorError(error_msg="The actor died")], "The actor died"),
        ([IN_DRIVER], "in the search's own process: ValueError: no view [x]"),
        ([in_worker(ValueError("odd")), IN_DRIVER], "in the search's own process: ValueError: no "),
        ([IN_DRIVER, in_worker(ValueError("odd"))], "ValueError: odd"),
        ([], "Ray Tune gave no reason"),
    ],
)
@pytest.mark.usefixtures("two_cpus")
def test_the_reason_is_that_of_the_latest_attempt(
    errors: list[TuneError | RayTaskError | RayActorError],
    reason: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    plan = SearchPlan(tiny())
    pack = plan.next_pack()
    assert pack is not None
    storage = StorageContext(storage_path=str(tmp_path), experiment_dir_name="packs")
    trial = Trial("none", config=pack_config(pack), storage=storage, stub=True)
    trial.init_local_path()
    for error in errors:
        trial.handle_error(error)
    failures = PackFailures(plan)
    with caplog.at_level(logging.WARNING):
        failures.on_trial_recover(1, [], trial)
    assert caplog.messages[0].startswith(f"{pack.study}: pack 0 failed, trying again: {reason}")
    failures.on_trial_error(1, [], trial)
    assert plan.failed[pack.study].startswith(f"pack 0 failed: {reason}")
