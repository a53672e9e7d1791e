"""Packs depend on the spec and on finished rows alone, never on time, order or other studies."""

import functools
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from results.rows import PackResult
from search.planning.study_plan import StudyPlan
from spaces import studies
from spaces.vocabulary import Phase
from tests.search_tests.studies import RecordedPlan, by_identity, rows_of, run_all, tiny, trained
from trainables import Pack, PackKey

SEARCHES: list[dict[str, Any]] = [
    {"budget": {"trials": 9, "pack_size": 3}},
    {"budget": {"trials": 10, "pack_size": 3, "packs_in_flight": 2}},
    {"budget": {"trials": 12, "pack_size": 3, "packs_in_flight": 3, "startup_packs": 2}},
    {"sampler": "random"},
    {"sampler": "qmc"},
    {"sampler": "gp", "budget": {"trials": 5, "pack_size": 2, "packs_in_flight": 2}},
]
GP = len(SEARCHES) - 1
"""It suggests one trial a study, and takes its time."""


@functools.cache
def trained_once(pack: Pack) -> PackResult:
    """What `trained` gives: equal packs give equal rows (test_stack.py), so once is enough."""
    return trained(pack)


def plan_of(search: int, **changes: Any) -> RecordedPlan:
    return RecordedPlan(tiny(**SEARCHES[search], **changes))


@functools.cache
def packs_in_order(search: int) -> dict[PackKey, Pack]:
    return by_identity(run_all(plan_of(search), trained_once))


def expect_the_same(search: int, workers: int, order: random.Random) -> None:
    plan = plan_of(search)
    packs = run_all(plan, trained_once, workers=workers, order=order)
    assert by_identity(packs) == packs_in_order(search)
    assert plan.finished


@pytest.mark.parametrize("search", range(GP))
@given(workers=st.integers(1, 8), seed=st.integers(0, 2**32))
@settings(deadline=None, max_examples=25)
def test_neither_the_order_of_completion_nor_the_workers_change_a_pack(
    search: int, workers: int, seed: int
) -> None:
    expect_the_same(search, workers, random.Random(seed))


@pytest.mark.parametrize("workers", [2, 5])
def test_they_change_no_pack_of_gp(workers: int) -> None:
    expect_the_same(GP, workers, random.Random(workers))


def expect_the_rest(search: int, before: Sequence[Pack], order: random.Random) -> None:
    plan = plan_of(search)
    for pack in before:
        plan.finish(pack.key, trained_once(pack))
    after = run_all(plan, trained_once, workers=2, order=order)
    assert by_identity([*before, *after]) == packs_in_order(search)


@pytest.mark.parametrize("search", range(GP))
@given(data=st.data())
@settings(deadline=None, max_examples=25)
def test_a_resumed_search_runs_the_packs_that_were_left(search: int, data: st.DataObject) -> None:
    whole = packs_in_order(search)
    order = random.Random(data.draw(st.integers(0, 2**32)))
    before = run_all(plan_of(search), trained_once, workers=4, order=order)
    kept = before[: data.draw(st.integers(0, len(whole)))]
    expect_the_rest(search, data.draw(st.permutations(kept)), order)


def test_a_resumed_search_of_gp_runs_the_packs_that_were_left() -> None:
    whole = packs_in_order(GP)
    kept = [whole[PackKey("dimension=1", "search", number)] for number in (1, 0)]
    expect_the_rest(GP, kept, random.Random(0))


PHASES: list[tuple[Phase, int]] = [("search", 3), ("confirm", 2)]
EVERY_KEY = [
    PackKey(f"dimension={dimension}", phase, number)
    for dimension in (1, 2)
    for phase, count in PHASES
    for number in range(count)
]


@given(kept=st.sets(st.sampled_from(EVERY_KEY)))
@settings(deadline=None, max_examples=40)
def test_rows_may_be_lost_in_any_combination(kept: set[PackKey]) -> None:
    """A lost pack is trained again, and what it gave rise to then is what it is now."""
    whole = packs_in_order(0)
    plan = plan_of(0)
    assert set(EVERY_KEY) == whole.keys()
    for key in sorted(kept):
        plan.finish(key, trained_once(whole[key]))
    packs = run_all(plan, trained_once)
    assert by_identity(packs) == {key: pack for key, pack in whole.items() if key not in kept}


def test_a_further_grid_value_leaves_the_packs_of_the_other_studies_alone() -> None:
    more = by_identity(run_all(plan_of(0, grid={"dimension": [4, 2, 1]}), trained_once))
    assert packs_in_order(0).items() < more.items()


def test_confirm_trains_the_best_trial_again_with_seeds_of_its_own() -> None:
    plan = RecordedPlan(tiny())
    packs = run_all(plan, trained_once)
    for name in plan.studies:
        searched = [row for row in plan.rows[name] if row.phase == "search"]
        best = min(
            (row for row in searched if row.status == "completed"), key=lambda row: row.nmse or 0.0
        )
        confirm = [pack for pack in packs if pack.study == name and pack.phase == "confirm"]
        assert [(pack.steps_factor, pack.steps) for pack in confirm] == [(1, 4), (2, 8)]
        assert all(pack.halving is None for pack in confirm)
        members = confirm[0].members
        assert members == confirm[1].members  # longer, but the same start and the same batches
        assert [member.replicate for member in members] == [0, 1]
        for member in members:
            assert member.trial == best.trial
            assert member.hyperparameters == best.hyperparameters


def test_search_shares_data_and_pairs_and_confirm_shares_nothing() -> None:
    packs = run_all(RecordedPlan(tiny()), trained_once)
    by_study: dict[str, list[Pack]] = {}
    for pack in packs:
        by_study.setdefault(pack.study, []).append(pack)
    streams: list[int] = []
    for of_study in by_study.values():
        searched = [m for pack in of_study if pack.phase == "search" for m in pack.members]
        assert len({member.data_seed for member in searched}) == 1
        assert len({member.evaluation_seed for member in searched}) == 1
        streams += [searched[0].data_seed, searched[0].evaluation_seed]
        streams += [member.initialisation_seed for member in searched]
        (confirm, _) = [pack for pack in of_study if pack.phase == "confirm"]
        for member in confirm.members:
            streams += [member.data_seed, member.evaluation_seed, member.initialisation_seed]
    assert len(set(streams)) == len(streams)


def test_a_study_whose_trials_all_diverge_ends_without_confirm() -> None:
    space = {"depth": {"low": 1, "high": 2}}
    plan = RecordedPlan(tiny(space=space, fixed={"steps": 4, "batch_size": 8, "width": 4}))

    def diverging(pack: Pack) -> PackResult:
        wild = (
            replace(member, hyperparameters={**member.hyperparameters, "learning_rate": 1e30})
            for member in pack.members
        )  # no spec's
        return trained(replace(pack, members=tuple(wild)))

    packs = run_all(plan, diverging)
    assert {pack.phase for pack in packs} == {"search"}
    assert {row.status for row in rows_of(plan)} == {"diverged"}
    assert len(rows_of(plan)) == plan.trials == plan.trials_ended == 18
    assert plan.finished
    assert plan.next_pack() is None


ALL_FIXED = {
    "multiplication": True,
    "depth": 1,
    "width": 4,
    "learning_rate": 1e-2,
    "steps": 4,
    "batch_size": 8,
}


@pytest.mark.parametrize(
    ("changes", "search_packs", "confirm_packs"),
    [
        ({"space": {}, "fixed": ALL_FIXED}, 3, 2),
        ({"budget": {"trials": 7, "pack_size": 3}}, 3, 2),
        ({"budget": {"trials": 2, "pack_size": 16}}, 1, 2),
        ({"budget": {"trials": 1, "pack_size": 1}}, 1, 2),
        ({"budget": {"trials": 9, "pack_size": 3, "packs_in_flight": 2}}, 3, 2),
        ({"budget": {"trials": 9, "pack_size": 3, "startup_packs": 2}}, 3, 2),
        ({"budget": {"trials": 9, "pack_size": 3, "startup_packs": 9}}, 3, 2),
        ({"sampler": "random"}, 3, 2),
        ({"sampler": "qmc"}, 3, 2),
        ({"halving": None}, 3, 2),
        ({"confirm": None}, 3, 0),
        ({"confirm": {"replicates": 1, "steps_factors": [1]}}, 3, 1),
        ({"halving": {"grace_period": 4}}, 3, 2),  # the only rung would be the last step
        ({"grid": {}, "fixed": {"dimension": 3, "steps": 4, "batch_size": 8}}, 3, 2),
        ({"grid": {"dimension": [2], "label_noise_std": [0.0, 0.5]}}, 3, 2),
        ({"grid": {"dimension": [2], "steps": [4, 6]}, "fixed": {"batch_size": 8}}, 3, 2),
    ],
)
def test_every_size_runs_to_its_end(
    changes: dict[str, Any], search_packs: int, confirm_packs: int
) -> None:
    spec = tiny(**changes)
    plan = RecordedPlan(spec)
    packs = run_all(plan, workers=2)
    assert plan.finished
    assert plan.next_pack() is None
    for study in studies(spec):
        phases = [pack.phase for pack in packs if pack.study == study.name]
        assert phases.count("search") == search_packs
        assert phases.count("confirm") == confirm_packs
        rows = plan.rows[study.name]
        trials = sorted(row.trial for row in rows if row.phase == "search")
        assert trials == list(range(spec.budget.trials or 0))
        if spec.halving is None:
            assert {row.status for row in rows} == {"completed"}
        for row in rows:
            suggested = {name: row.column(name) for name in study.space}
            expected = {**study.task, **study.fixed, **suggested}
            given = {name: value for name, value in expected.items() if name != "steps"}
            assert {name: row.column(name) for name in given} == given


def test_a_study_is_finished_with_its_last_confirm_pack_and_not_before() -> None:
    spec = tiny(confirm={"replicates": 1, "steps_factors": [1, 2]})
    plan = StudyPlan(spec, studies(spec)[0])
    before: list[tuple[Phase, bool]] = []
    while (pack := plan.next_pack()) is not None:
        before.append((pack.phase, plan.finished))
        plan.finish(pack.key, trained_once(pack))
    assert before[-2:] == [("confirm", False), ("confirm", False)]
    assert not any(finished for _, finished in before)
    assert plan.finished
