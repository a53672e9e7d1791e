"""What a stack is said to need, against the tensors that it makes."""

import gc
from collections.abc import Iterator

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trainables_tests.packs import make_member, member_lists
from trainables import Member
from trainables.families import family_of
from trainables.families.mlp import Mlp
from trainables.gpu.stack_memory import batch_bytes, stack_bytes
from trainables.gpu.stack_shape import StackShape
from trainables.gpu.tensor_stack import TensorStack
from trainables.optimisers import state_names
from trainables.pack import Task
from trainables.processor.compiled_stack import CompiledStack
from trainables.processor.kernels import OPTIMISER_CODE
from trainables.sources import source_of
from trainables.trainee import Trainee

pytestmark = pytest.mark.usefixtures("only_new_objects")
CPU = torch.device("cpu")


def tensors() -> Iterator[torch.Tensor]:
    gc.collect()
    for thing in gc.get_objects():
        if type(thing) is torch.Tensor:
            yield thing


def live_bytes() -> int:
    """The bytes of all tensors' storages, each once."""
    storages = {each.untyped_storage().data_ptr(): each.untyped_storage() for each in tensors()}
    return sum(storage.nbytes() for storage in storages.values())


@settings(max_examples=15, deadline=None)
@given(members=member_lists(), dimension=st.integers(1, 6), batch_size=st.integers(1, 300))
def test_a_stack_holds_what_is_foretold(
    members: list[Member], dimension: int, batch_size: int
) -> None:
    first = members[0]
    activation = Mlp.of(first).activation
    kind = [
        make_member(
            member.trial,
            depth=Mlp.of(member).depth,
            width=Mlp.of(member).width,
            activation=activation,
            optimizer=first.optimizer,
        )
        for member in sorted(members, key=lambda member: -Mlp.of(member).depth)
    ]
    trainees = [
        Trainee.start(member, Task(dimension=dimension), CPU, torch.float32) for member in kind
    ]
    source = source_of(Task(dimension=dimension))
    stream = source.training(batch_size=batch_size, device=CPU, dtype=torch.float32)
    before = live_bytes()
    stream.arrange([7])
    stack = TensorStack(
        trainees,
        dimension=dimension,
        batch_size=batch_size,
        steps_done=0,
        device=CPU,
        dtype=torch.float32,
    )
    stack.bind(stream.block, averaging=True)
    pairs = source.evaluation([9], data_seeds=[0], device=CPU, dtype=torch.float32)
    evaluator = stack.evaluator(pairs.batches, averaged=True)
    used = live_bytes() - before
    foretold = stack_bytes(
        StackShape([Mlp.of(member) for member in kind], dimension),
        activation=activation,
        optimizer=first.optimizer,
        batch_size=batch_size,
        dtype=torch.float32,
    ) + batch_bytes(dimension, batch_size, 1, torch.float32)
    squares = len(kind) * 1024 * 8 * 2  # what an evaluation makes while it runs
    assert evaluator.sums.shape == (2, len(kind))
    assert used == pytest.approx(foretold - squares, rel=0.02, abs=4096)


@settings(max_examples=15, deadline=None)
@given(
    members=member_lists(),
    dimension=st.integers(1, 6),
    batch_size=st.integers(1, 300),
    threads=st.integers(1, 3),
)
def test_a_compiled_stack_holds_weights_and_one_workspace_a_thread(
    members: list[Member], dimension: int, batch_size: int, threads: int
) -> None:
    trainees = [
        Trainee.start(member, Task(dimension=dimension), CPU, torch.float32) for member in members
    ]
    before = live_bytes()
    stack = CompiledStack(trainees, dimension=dimension, dtype=torch.float32, threads=threads)
    used = live_bytes() - before
    weights = [
        -(-family_of(m).parameters(m, Task(dimension=dimension)) // 16) * 16 for m in members
    ]
    states = sum(
        len(state_names(member.optimizer)) * size
        for member, size in zip(members, weights, strict=True)
    )
    models = [Mlp.of(member) for member in members]
    deepest = max(mlp.depth for mlp in models)
    widest = max((mlp.width for mlp in models if mlp.depth), default=0)
    pairs = 256  # a slice, whatever the batch size
    # Outputs and their derivatives, two layers' deltas, the errors; gradients; a missing bias.
    workspace = (2 * deepest + 2) * widest * pairs + pairs + max(weights) + max(widest, 1)
    # Of the schedules: 16 steps of 4 numbers for each kind; of members: two sums, their settings.
    settings = sum(1 + len(OPTIMISER_CODE[member.optimizer].settings) for member in members)
    tables = 16 * 4 * 8 * len(members) + (2 * len(members) + settings) * 8
    assert stack.members == members
    assert used <= (states + min(threads, len(members)) * workspace) * 4 + tables
