"""Which packs of a folder have finished, by the rows that are there."""

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from results.rows import PackResult, table_of_curves, table_of_trials
from search.planning.search_plan import SearchPlan
from search.saved_search.finished_packs import CURVE_COLUMNS, of_finished_packs
from tests.search_tests.studies import tiny, train_once
from trainables import PackKey


@pytest.fixture(scope="module")
def results() -> dict[PackKey, PackResult]:
    """What each pack of a small study gave."""
    plan = SearchPlan(tiny(grid={"dimension": [2]}))
    found = {}
    while pack := plan.next_pack():
        found[pack.key] = train_once(pack)
        plan.finish(pack.key, found[pack.key])
    return found


@given(draw=st.randoms(use_true_random=False))
@settings(deadline=None)
def test_a_pack_has_finished_unless_one_of_its_curves_is_missing(
    results: dict[PackKey, PackResult], draw: random.Random
) -> None:
    """Whatever curves are lost: some of a trial, all of it, of a whole pack; others' stay."""
    trials = [row for result in results.values() for row in result.trials]
    curves = [row for result in results.values() for row in result.curves]
    lost = {row.key for row in draw.sample(trials, draw.randrange(3))}
    left = [row for row in curves if row.key not in lost]
    found = of_finished_packs(
        table_of_trials(trials), table_of_curves(left).select([*CURVE_COLUMNS])
    )
    counts = Counter((row["phase"], row["pack"]) for row in found.to_pylist())
    expected = {
        (key.phase, key.number): len(result.trials)
        for key, result in results.items()
        if not lost & {row.key for row in result.trials}
    }
    assert counts == expected


def test_curves_without_their_trials_are_of_no_finished_pack(
    results: dict[PackKey, PackResult],
) -> None:
    lost, *_ = results
    trials = [row for key, result in results.items() if key != lost for row in result.trials]
    curves = [row for result in results.values() for row in result.curves]
    found = of_finished_packs(table_of_trials(trials), table_of_curves(curves))
    assert found.equals(table_of_trials(trials))
    assert of_finished_packs(table_of_trials([]), table_of_curves(curves)).num_rows == 0
