"""A study's outcomes in columns are those of its rows."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from results.rows import PackResult, table_of_trials
from search.planning.history import History
from search.planning.outcome import rank_of
from search.planning.search_plan import SearchPlan
from spaces import studies
from tests.search_tests.studies import tiny, train_once
from trainables import PackKey

SPACE: dict[str, Any] = {
    "multiplication": {"choices": [True, False]},
    "activation": {"choices": ["tanh", "relu"]},
    "optimizer": {"choices": ["sgd", "adam"]},
    "momentum": {"choices": [0.5, 0.0, 0.9]},
    "depth": {"low": 0, "high": 1},
    "width": {"low": 2, "high": 4},
    "learning_rate": {"low": 1e-3, "high": 1e-1, "log": True},
}
SPEC = tiny(
    grid={"dimension": [2]},
    space=SPACE,
    fixed={"steps": 4, "batch_size": 8},
    budget={"trials": 26, "pack_size": 4},
    confirm=None,
)


@pytest.fixture(scope="module")
def results() -> dict[int, PackResult]:
    plan = SearchPlan(SPEC)
    found: dict[PackKey, PackResult] = {}
    while pack := plan.next_pack():
        found[pack.key] = train_once(pack)
        plan.finish(pack.key, found[pack.key])
    return {key.number: result for key, result in found.items()}


@given(data=st.data())
@settings(deadline=None)
def test_outcomes_are_those_of_the_rows_in_any_order(
    results: dict[int, PackResult], data: st.DataObject
) -> None:
    history = History(SPEC, studies(SPEC)[0])
    order = data.draw(st.permutations(sorted(results)))
    kept = order[: data.draw(st.integers(0, len(order)))]
    left = list(kept)
    while left:  # several packs at once, as after a resume, or one by one
        taken = data.draw(st.integers(1, len(left)))
        taken_rows = [row for number in left[:taken] for row in results[number].trials]
        history.take(table_of_trials(taken_rows))
        left = left[taken:]
    assert set(history) == set(kept)
    for number in kept:
        rows = results[number].trials
        assert len(history[number]) == len(rows)
        for outcome, row in zip(history[number], rows, strict=True):
            expected = {name: row.hyperparameters[name] for name in SPACE}
            assert outcome.hyperparameters == expected
            for name, value in expected.items():
                assert type(outcome.hyperparameters[name]) is type(value)
            assert (outcome.status, outcome.nmse) == (row.status, row.nmse)


def test_a_pruned_trial_is_ranked_by_its_last_rung(results: dict[int, PackResult]) -> None:
    history = History(SPEC, studies(SPEC)[0])
    for result in results.values():
        history.take(table_of_trials(result.trials))
    pruned = 0
    for number, result in results.items():
        for outcome, row in zip(history[number], result.trials, strict=True):
            if row.status == "pruned":
                last = max(
                    (point.step, point.nmse_at_step)
                    for point in result.curves
                    if point.trial == row.trial and point.nmse_at_step is not None
                )
                assert rank_of(outcome) == (-last[0], last[1])
                pruned += 1
    assert pruned
