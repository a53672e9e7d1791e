"""What the rows of a pack hold, against the curves, against torch's own count of operations."""

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from results.rows import PackResult
from spaces.vocabulary import layers_text
from tests.trainables_tests.packs import make_member, make_pack
from trainables import EarlyStopping, Halving, Pack, Task, train
from trainables.families import family_of
from trainables.pack_rows import pack_result

CPU = torch.device("cpu")


def rows_of(pack: Pack) -> PackResult:
    return pack_result(pack, train(pack, device=CPU), device="cpu", worker="test")


@settings(deadline=None)
@given(
    units=st.lists(st.integers(1, 9), max_size=4),
    dimension=st.integers(1, 5),
    pairs=st.integers(2, 9),
    multiplication=st.booleans(),
)
def test_operations_are_those_that_torch_counts(
    units: list[int], dimension: int, pairs: int, multiplication: bool
) -> None:
    member = make_member(layer_sizes=layers_text(units), multiplication=multiplication)
    family = family_of(member)
    network = family.reference(member, Task(dimension=dimension))
    with FlopCounterMode(display=False) as counted:
        network(torch.randn(pairs, dimension), torch.randn(pairs, dimension)).sum().backward()
    assert counted.get_total_flops() == pairs * family.flops_per_pair(
        member, Task(dimension=dimension)
    )


@pytest.fixture(scope="module")
def halved() -> PackResult:
    """Members of which some leave at each rung, and one diverges before the first."""
    members = [make_member(trial, learning_rate=10.0 ** -(trial % 4)) for trial in range(8)]
    members.append(make_member(8, learning_rate=1e30))
    halving = Halving(grace_period=10, reduction_factor=2, min_survivors=2)
    return rows_of(make_pack(members, steps=40, halving=halving))


def test_the_first_rung_is_the_curves_first_point(halved: PackResult) -> None:
    first = {row.trial: row.nmse_at_step for row in halved.curves if row.step == 10}
    assert {row.status for row in halved.trials} == {"completed", "pruned", "diverged"}
    assert {row.trial: row.nmse_first_rung for row in halved.trials} == first
    pruned_there = [row for row in halved.trials if row.status == "pruned" and row.steps == 10]
    assert pruned_there
    assert all(row.nmse_first_rung == row.nmse for row in pruned_there)


def test_who_stops_early_at_the_first_rung_has_no_loss_to_compare_there() -> None:
    members = [make_member(trial, learning_rate=10.0 ** (trial - 3)) for trial in range(4)]
    options: dict[str, Any] = {
        "steps": 60,
        "data": "fixed",
        "pairs": 32,
        "shuffle": True,
        "batch_size": 16,
        "early_stopping": EarlyStopping(patience=1, min_delta=0.05),
    }
    alone = rows_of(make_pack(members, **options))
    rung, last = min(row.steps for row in alone.trials), max(row.steps for row in alone.trials)
    assert rung < last
    halving = Halving(grace_period=rung, reduction_factor=2, min_survivors=len(members))
    for row in rows_of(make_pack(members, halving=halving, **options)).trials:
        assert row.status in ("completed", "diverged")
        assert (row.nmse_first_rung is None) == (row.steps == rung or row.status == "diverged")


def test_the_share_of_the_variance_has_the_same_relative_error(halved: PackResult) -> None:
    for row in halved.trials:
        if row.status == "diverged":
            assert row.nmse_stderr is None
            continue
        numbers = [row.loss, row.loss_stderr, row.nmse, row.nmse_stderr]
        loss, loss_stderr, nmse, nmse_stderr = (number or math.nan for number in numbers)
        assert nmse_stderr / nmse == pytest.approx(loss_stderr / loss)


def test_operations_are_counted_for_the_steps_that_were_done(halved: PackResult) -> None:
    each = {row.flops / row.samples for row in halved.trials if row.flops}
    assert len(each) == 1


def test_a_trial_without_a_rung_before_its_end_has_none() -> None:
    (row,) = rows_of(make_pack([make_member()], steps=1)).trials
    assert row.nmse_first_rung is None
