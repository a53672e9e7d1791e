"""Rungs, survivors, and packs that shrink."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.trainables_tests.packs import make_member, make_pack
from trainables import Halving, train
from trainables.stop_rules import NobodyStops, SuccessiveHalving

losses = st.dictionaries(st.integers(0, 99), st.floats(0, 1e6), min_size=1, max_size=40)


@given(losses=losses, factor=st.integers(2, 5), floor=st.integers(1, 6))
def test_the_best_survive(losses: dict[int, float], factor: int, floor: int) -> None:
    halving = Halving(grace_period=1, reduction_factor=factor, min_survivors=floor)
    going = SuccessiveHalving(halving).going(losses)
    assert len(going) == min(len(losses), max(floor, math.ceil(len(losses) / factor)))
    left = set(losses) - going
    if left:
        assert max(losses[key] for key in going) <= min(losses[key] for key in left)


@given(st.integers(1, 500), st.integers(2, 5), st.integers(1, 2000))
def test_rungs_are_the_powers_below_the_end(grace: int, factor: int, steps: int) -> None:
    halving = Halving(grace_period=grace, reduction_factor=factor, min_survivors=1)
    expected = [grace * factor**i for i in range(20) if grace * factor**i < steps]
    assert list(SuccessiveHalving(halving).rungs(steps)) == expected


@given(st.integers(1, 5000))
def test_without_halving_there_are_three_evaluations_on_the_way(steps: int) -> None:
    marks = NobodyStops().rungs(steps)
    assert all(0 < mark < steps for mark in marks)
    assert list(marks) == sorted(set(marks))


def test_a_pack_shrinks_to_those_with_the_lowest_averaged_loss() -> None:
    rates = [1e-4, 3e-2, 1e-3, 1e-2, 3e-3, 3e-4, 1e-1, 2e-2]
    members = [make_member(i, learning_rate=rate, width=4 + i) for i, rate in enumerate(rates)]
    halving = Halving(grace_period=25, reduction_factor=2, min_survivors=3)
    pack = make_pack(members, steps=200, halving=halving)
    reports = list(train(pack, device=torch.device("cpu")))
    assert [report.step for report in reports] == [25, 50, 100, 200]
    assert [len(report.evaluations) for report in reports] == [8, 4, 3, 3]
    for report in reports[:-1]:
        judged = {e.member.trial: e.loss.mean for e in report.evaluations if e.loss is not None}
        going = {e.member.trial for e in report.evaluations if e.status == "running"}
        assert going == SuccessiveHalving(halving).going(judged)
    assert {e.status for e in reports[-1].evaluations} == {"completed"}


def test_pruning_changes_nothing_for_those_who_stay() -> None:
    members = [make_member(i, learning_rate=1e-3 * (i + 1)) for i in range(6)]
    halving = Halving(grace_period=20, reduction_factor=2, min_survivors=2)
    pruned = list(train(make_pack(members, steps=80, halving=halving), device=torch.device("cpu")))
    whole = list(train(make_pack(members, steps=80), device=torch.device("cpu")))
    by_trial = {e.member.trial: e for e in whole[-1].evaluations}
    for evaluation in pruned[-1].evaluations:
        other = by_trial[evaluation.member.trial].loss
        assert evaluation.loss is not None
        assert other is not None
        assert evaluation.loss.mean == pytest.approx(other.mean, rel=1e-4)


def test_of_equal_losses_the_first_members_go_on() -> None:
    rule = SuccessiveHalving(Halving(grace_period=1, reduction_factor=2, min_survivors=1))
    assert rule.going({3: 1.0, 1: 1.0, 2: 1.0, 0: 2.0}) == {1, 2}
