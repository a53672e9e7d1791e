"""What a stack is said to need, against the tensors that it makes."""

import gc
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trainables_tests.packs import make_member, make_pack, member_lists
from trainables import Member, train, training
from trainables.activations import ACTIVATIONS
from trainables.data import EvaluationPairs, TrainingStream
from trainables.memory import batch_bytes, stack_bytes
from trainables.pack import Task
from trainables.stack import Stack
from trainables.stack_shape import StackShape
from trainables.trainee import Trainee

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
    kind = [
        make_member(m.trial, depth=m.depth, width=m.width, activation=members[0].activation)
        for m in sorted(members, key=lambda member: -member.depth)
    ]
    trainees = [Trainee.start(member, dimension, CPU, torch.float32) for member in kind]
    stream = TrainingStream(
        Task(dimension=dimension), batch_size=batch_size, device=CPU, dtype=torch.float32
    )
    before = live_bytes()
    stream.arrange([7])
    stack = Stack(
        trainees,
        dimension=dimension,
        batch_size=batch_size,
        steps_done=0,
        device=CPU,
        dtype=torch.float32,
    )
    stack.bind(stream.block, averaging=True)
    pairs = EvaluationPairs(Task(dimension=dimension), [9], device=CPU, dtype=torch.float32)
    predictor = stack.predictor(pairs.batch, averaged=True)
    used = live_bytes() - before
    foretold = stack_bytes(
        StackShape(kind, dimension), ACTIVATIONS[kind[0].activation], batch_size, torch.float32
    ) + batch_bytes(dimension, batch_size, 1, torch.float32)
    squares = len(kind) * 1024 * 8 * 2  # what an evaluation makes while it runs
    assert predictor
    assert used == pytest.approx(foretold - squares, rel=0.02, abs=4096)


def test_out_of_memory_splits_the_stack_and_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pack = make_pack([make_member(trial) for trial in range(7)], steps=16)
    whole = list(train(pack, device=CPU, dtype=torch.float64))[-1]

    class SmallDevice(Stack):
        """A stack on a device that has room for two members."""

        def __init__(self, trainees: Sequence[Trainee], **rest: Any) -> None:
            if len(trainees) > 2:
                raise torch.OutOfMemoryError("out of memory")
            super().__init__(trainees, **rest)

    monkeypatch.setattr(training, "Stack", SmallDevice)
    split = list(train(pack, device=CPU, dtype=torch.float64))[-1]
    assert "out of memory with 7 members in a stack: split in two" in caplog.text
    for one, other in zip(whole.evaluations, split.evaluations, strict=True):
        assert one.loss is not None
        assert other.loss is not None
        assert one.loss.mean == pytest.approx(other.loss.mean, rel=1e-9)


def test_a_single_member_that_does_not_fit_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: Any, **rest: Any) -> Stack:
        raise torch.OutOfMemoryError("out of memory")

    monkeypatch.setattr(training, "Stack", full)
    with pytest.raises(torch.OutOfMemoryError, match="out of memory"):
        list(train(make_pack([make_member()]), device=CPU))
