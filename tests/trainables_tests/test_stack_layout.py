"""How a pack is cut on a GPU: everyone once, with their own kind, the same way every time."""

from dataclasses import replace

import torch
from hypothesis import given, settings

from tests.trainables_tests.packs import make_member, member_lists
from trainables import Member, Task
from trainables.families.mlp import Mlp
from trainables.gpu.stack_layout import GPU_COSTS, cut, stack_seconds
from trainables.gpu.stack_memory import stack_bytes
from trainables.gpu.stack_shape import StackShape
from trainables.trainee import Trainee

CPU = torch.device("cpu")


def trainees_of(members: list[Member], dimension: int = 2) -> list[Trainee]:
    return [
        Trainee.start(member, Task(dimension=dimension), CPU, torch.float32) for member in members
    ]


@settings(deadline=None)
@given(members=member_lists())
def test_a_cut_is_a_partition_by_kind(members: list[Member]) -> None:
    stacks = cut(trainees_of(members), dimension=2, batch_size=256)
    placed = [trainee.member.trial for stack in stacks for trainee in stack]
    assert sorted(placed) == sorted(member.trial for member in members)
    for stack in stacks:
        kinds = {
            (mlp.multiplication, mlp.activation, t.member.schedule, t.member.optimizer)
            for t in stack
            for mlp in [Mlp.of(t.member)]
        }
        assert len(kinds) == 1


@settings(deadline=None)
@given(members=member_lists())
def test_a_cut_is_no_slower_by_its_own_estimate_than_one_stack_or_one_each(
    members: list[Member],
) -> None:
    kind = [make_member(m.trial, depth=Mlp.of(m).depth, width=Mlp.of(m).width) for m in members]

    def seconds(parts: list[list[Trainee]]) -> float:
        return sum(
            stack_seconds(part, dimension=2, batch_size=64, costs=GPU_COSTS) for part in parts
        )

    trainees = trainees_of(kind)
    chosen = seconds(cut(trainees, dimension=2, batch_size=64))
    assert chosen <= seconds([trainees]) * (1 + 1e-9)
    assert chosen <= seconds([[trainee] for trainee in trainees]) * (1 + 1e-9)


def test_stacks_keep_to_the_bytes_they_may_take() -> None:
    members = [make_member(i, width=256, depth=2) for i in range(16)]
    trainees = trainees_of(members)
    costs = replace(GPU_COSTS, stack_bytes=16 << 20)
    stacks = cut(trainees, dimension=2, batch_size=256, costs=costs)
    assert len(stacks) > 1
    for stack in stacks:
        shape = StackShape([Mlp.of(trainee.member) for trainee in stack], 2)
        needed = stack_bytes(
            shape, activation="relu", optimizer="adam", batch_size=256, dtype=torch.float32
        )
        assert needed <= costs.stack_bytes
