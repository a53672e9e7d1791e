"""Studies side by side: whose pack goes next, and when the search is over."""

import pytest

from spaces.samplers import SAMPLER_NAMES
from tests.search_tests.studies import RecordedPlan, rows_of, run_all, tiny, trained


def test_studies_take_turns() -> None:
    plan = RecordedPlan(tiny(budget={"trials": 8, "pack_size": 2, "startup_packs": 4}))
    started = []
    while pack := plan.next_pack():
        started.append((pack.study, pack.number))
    assert started == [
        (f"dimension={dimension}", number) for number in range(4) for dimension in (1, 2)
    ]


def test_a_study_that_waits_lets_the_other_go_on() -> None:
    plan = RecordedPlan(tiny())
    first, second = plan.next_pack(), plan.next_pack()
    assert first is not None
    assert second is not None
    assert (first.study, second.study) == ("dimension=1", "dimension=2")
    assert plan.next_pack() is None
    plan.finish(second.key, trained(second))
    third = plan.next_pack()
    assert third is not None
    assert (third.study, third.number) == ("dimension=2", 1)
    assert plan.next_pack() is None


@pytest.mark.parametrize("sampler", SAMPLER_NAMES)
def test_the_packs_that_may_be_in_flight_together_are_those_that_start(sampler: str) -> None:
    plan = RecordedPlan(tiny(sampler=sampler, budget={"trials": 8, "pack_size": 2}, confirm=None))
    started = 0
    while plan.next_pack() is not None:
        started += 1
    assert started == plan.packs_at_once == plan.packs_in_flight
    assert started == 2 * (1 if plan.spec.learns else 4)


def test_a_failed_study_gets_no_more_packs_and_keeps_its_rows() -> None:
    plan = RecordedPlan(tiny())
    pack = plan.next_pack()
    assert pack is not None
    plan.finish(pack.key, trained(pack))
    plan.fail("dimension=1", "pack 1 failed")
    packs = run_all(plan)
    assert {pack.study for pack in packs} == {"dimension=2"}
    assert plan.failed == {"dimension=1": "pack 1 failed"}
    assert plan.next_pack() is None
    assert not plan.finished
    assert len(plan.rows["dimension=1"]) == 3
    assert {name for name, study in plan.studies.items() if study.finished} == {"dimension=2"}


def test_the_counts_are_known_on_the_way() -> None:
    plan = RecordedPlan(tiny())
    assert (plan.trials_ended, plan.trials) == (0, 18)
    pack = plan.next_pack()
    assert pack is not None
    plan.finish(pack.key, trained(pack))
    assert plan.trials_ended == len(rows_of(plan)) == 3
