"""Studies side by side: whose pack goes next, and when the search is over."""

from search.planning.search_run import SearchRun
from tests.search_tests.studies import run_all, tiny, trained


def test_studies_take_turns() -> None:
    run = SearchRun(tiny(budget={"trials": 8, "pack_size": 2, "startup_packs": 4}))
    started = []
    while pack := run.next_pack():
        started.append((pack.study, pack.number))
    assert started == [
        (f"dimension={dimension}", number) for number in range(4) for dimension in (1, 2)
    ]


def test_a_study_that_waits_lets_the_other_go_on() -> None:
    run = SearchRun(tiny())
    first, second = run.next_pack(), run.next_pack()
    assert first is not None
    assert second is not None
    assert (first.study, second.study) == ("dimension=1", "dimension=2")
    assert run.next_pack() is None
    assert not run.exhausted  # both studies only wait for results
    run.finish(second.key, trained(second))
    third = run.next_pack()
    assert third is not None
    assert (third.study, third.number) == ("dimension=2", 1)
    assert run.next_pack() is None


def test_a_failed_study_gets_no_more_packs_and_keeps_its_rows() -> None:
    run = SearchRun(tiny())
    pack = run.next_pack()
    assert pack is not None
    run.finish(pack.key, trained(pack))
    run.fail("dimension=1", "pack 1 failed")
    packs = run_all(run)
    assert {pack.study for pack in packs} == {"dimension=2"}
    assert run.failed == {"dimension=1": "pack 1 failed"}
    assert run.exhausted
    assert not run.finished
    assert len(run.studies["dimension=1"].trial_rows) == 3
    assert {row.study for row in run.finished_rows} == {"dimension=2"}


def test_exhausted_comes_before_finished() -> None:
    run = SearchRun(tiny(confirm=None, grid={"dimension": [1]}))
    seen = []
    while pack := run.next_pack():
        seen.append((run.exhausted, run.finished))
        run.finish(pack.key, trained(pack))
    assert seen == [(False, False), (False, False), (True, False)]
    assert (run.exhausted, run.finished) == (True, True)


def test_the_counts_are_known_on_the_way() -> None:
    run = SearchRun(tiny())
    assert (run.trials_ended, run.trials) == (0, 18)
    pack = run.next_pack()
    assert pack is not None
    run.finish(pack.key, trained(pack))
    assert run.trials_ended == sum(run.statuses.values()) == 3
