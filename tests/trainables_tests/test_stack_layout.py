"""How a pack is cut: everyone exactly once, with their own kind, the same way every time."""

import torch
from hypothesis import given, settings

from tests.trainables_tests.packs import make_member, member_lists
from trainables import Member
from trainables.stack_layout import DEVICE_COSTS, cut, stack_seconds
from trainables.trainee import Trainee

CPU = torch.device("cpu")


def trainees_of(members: list[Member], dimension: int = 2) -> list[Trainee]:
    return [Trainee.start(member, dimension, CPU, torch.float32) for member in members]


@settings(deadline=None)
@given(members=member_lists())
def test_a_cut_is_a_partition_by_kind(members: list[Member]) -> None:
    stacks = cut(trainees_of(members), dimension=2, batch_size=256, device=CPU)
    placed = [trainee.member.trial for stack in stacks for trainee in stack]
    assert sorted(placed) == sorted(member.trial for member in members)
    for stack in stacks:
        kinds = {(t.member.multiplication, t.member.activation, t.member.schedule) for t in stack}
        assert len(kinds) == 1


@settings(deadline=None)
@given(members=member_lists())
def test_a_cut_is_no_slower_by_its_own_estimate_than_one_stack_or_one_each(
    members: list[Member],
) -> None:
    kind = [make_member(m.trial, depth=m.depth, width=m.width) for m in members]
    given = {"dimension": 2, "batch_size": 64}

    def seconds(parts: list[list[Trainee]]) -> float:
        return sum(stack_seconds(part, costs=DEVICE_COSTS["cpu"], **given) for part in parts)

    trainees = trainees_of(kind)
    chosen = seconds(cut(trainees, device=CPU, **given))
    assert chosen <= seconds([trainees]) * (1 + 1e-9)
    assert chosen <= seconds([[trainee] for trainee in trainees]) * (1 + 1e-9)


def test_wide_stacks_keep_to_the_cache() -> None:
    members = [make_member(i, width=256, depth=2) for i in range(16)]
    stacks = cut(trainees_of(members), dimension=2, batch_size=256, device=CPU)
    most = DEVICE_COSTS["cpu"].activation_bytes
    assert most is not None
    assert all(len(stack) * 256 * 256 * 4 <= most for stack in stacks)
