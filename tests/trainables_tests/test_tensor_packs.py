"""Packs on a device without kernels: stacks of tensors, also where memory is short."""

import weakref
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch

from tests.trainables_tests.packs import make_member, make_pack
from trainables import Halving, Pack, train, training
from trainables.evaluation import Loss, evaluate
from trainables.gpu import tensor_engine
from trainables.gpu.stack_layout import cut
from trainables.gpu.tensor_engine import TensorEngine
from trainables.gpu.tensor_stack import TensorStack
from trainables.sources import source_of
from trainables.sources.batches import BLOCK_STEPS
from trainables.stack import Stack
from trainables.trainee import Trainee

CPU = torch.device("cpu")


@pytest.fixture
def as_if_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stacks of tensors, here on the processor, for whatever is trained."""

    def engine_for(
        pack: Pack, *, device: torch.device, dtype: torch.dtype, threads: int
    ) -> TensorEngine:
        return TensorEngine(pack, device=device, dtype=dtype)

    monkeypatch.setattr(training, "engine_for", engine_for)


@pytest.mark.usefixtures("as_if_on_a_gpu")
def test_out_of_memory_splits_the_stack_and_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pack = make_pack([make_member(trial) for trial in range(7)], steps=16)
    whole = list(train(pack, device=CPU, dtype=torch.float64))[-1]

    class SmallDevice(TensorStack):
        """A stack on a device that has room for two members."""

        def __init__(self, trainees: Sequence[Trainee], **rest: Any) -> None:
            if len(trainees) > 2:
                raise torch.OutOfMemoryError("out of memory")
            super().__init__(trainees, **rest)

    monkeypatch.setattr(tensor_engine, "TensorStack", SmallDevice)
    split = list(train(pack, device=CPU, dtype=torch.float64))[-1]
    assert "out of memory with 7 members in a stack: split in two" in caplog.text
    for one, other in zip(whole.evaluations, split.evaluations, strict=True):
        assert one.loss is not None
        assert other.loss is not None
        assert one.loss.mean == pytest.approx(other.loss.mean, rel=1e-9)


@pytest.mark.usefixtures("as_if_on_a_gpu")
def test_a_single_member_that_does_not_fit_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: Any, **rest: Any) -> TensorStack:
        raise torch.OutOfMemoryError("out of memory")

    monkeypatch.setattr(tensor_engine, "TensorStack", full)
    with pytest.raises(torch.OutOfMemoryError, match="out of memory"):
        list(train(make_pack([make_member()]), device=CPU))


@pytest.mark.usefixtures("as_if_on_a_gpu")
@pytest.mark.parametrize("with_halving", [False, True])
def test_stacks_of_tensors_give_what_kernels_give(
    monkeypatch: pytest.MonkeyPatch, with_halving: bool
) -> None:
    members = [
        make_member(i, width=4 + i, depth=i % 4, multiplication=i % 5 == 0) for i in range(12)
    ]
    halving = Halving(grace_period=10, reduction_factor=2, min_survivors=3)
    pack = make_pack(members, steps=60, halving=halving if with_halving else None)
    tensors = list(train(pack, device=CPU, dtype=torch.float64))
    monkeypatch.undo()
    kernels = list(train(pack, device=CPU, dtype=torch.float64))
    assert [report.step for report in tensors] == [report.step for report in kernels]
    for one, other in zip(tensors, kernels, strict=True):
        for left, right in zip(one.evaluations, other.evaluations, strict=True):
            assert (left.member, left.status) == (right.member, right.status)
            assert left.loss is not None
            assert right.loss is not None
            assert left.loss.normalised == pytest.approx(right.loss.normalised, rel=1e-9)
            assert left.train_loss == pytest.approx(right.train_loss, rel=1e-9)


class Remembered(TensorStack):
    """Stacks that leave a weak reference when they are made."""

    made: list["weakref.ref[Remembered]"]

    def __init__(self, trainees: Sequence[Trainee], **rest: Any) -> None:
        super().__init__(trainees, **rest)
        self.made.append(weakref.ref(self))


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list["weakref.ref[Remembered]"]:
    """Weak references to all stacks made in the test."""
    references: list[weakref.ref[Remembered]] = []
    monkeypatch.setattr(Remembered, "made", references, raising=False)
    monkeypatch.setattr(tensor_engine, "TensorStack", Remembered)
    return references


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("out of memory"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    ],
    ids=["torch", "cublas"],
)
def test_a_stack_without_room_is_gone_before_its_halves_are_made(
    monkeypatch: pytest.MonkeyPatch, made: list["weakref.ref[Remembered]"], error: RuntimeError
) -> None:
    pack = make_pack([make_member(trial) for trial in range(4)])
    alive_at_a_start: list[int] = []

    def evaluate_few(stack: Stack, *arguments: Any, **rest: Any) -> list[Loss]:
        alive_at_a_start.append(sum(reference() is not None for reference in made))
        if len(stack.members) > 2:
            raise type(error)(*error.args)
        return evaluate(stack, *arguments, **rest)

    monkeypatch.setattr(tensor_engine, "evaluate", evaluate_few)
    trainees = [Trainee.start(member, pack.task, CPU, torch.float32) for member in pack.members]
    stacks = TensorEngine(pack, device=CPU, dtype=torch.float32).stacks(trainees, 0)
    assert [len(stack.members) for stack in stacks] == [2, 2]
    assert alive_at_a_start == [1, 1, 2]


def test_an_error_that_is_not_of_memory_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: Any, **rest: Any) -> TensorStack:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(tensor_engine, "TensorStack", broken)
    pack = make_pack([make_member(trial) for trial in range(4)])
    trainees = [Trainee.start(member, pack.task, CPU, torch.float32) for member in pack.members]
    with pytest.raises(RuntimeError, match="illegal memory access"):
        TensorEngine(pack, device=CPU, dtype=torch.float32).stacks(trainees, 0)


@pytest.mark.usefixtures("as_if_on_a_gpu")
def test_old_stacks_are_gone_before_their_successors_are_made(
    monkeypatch: pytest.MonkeyPatch, made: list["weakref.ref[Remembered]"]
) -> None:
    alive: list[int] = []

    def counted(trainees: Sequence[Trainee], **rest: Any) -> list[list[Trainee]]:
        alive.append(sum(reference() is not None for reference in made))
        return cut(trainees, **rest)

    monkeypatch.setattr(tensor_engine, "cut", counted)
    halving = Halving(grace_period=16, reduction_factor=2, min_survivors=1)
    # Of two activations, thus of two stacks.
    members = [make_member(trial, activation=["relu", "tanh"][trial % 2]) for trial in range(8)]
    list(train(make_pack(members, steps=80, halving=halving), device=CPU))
    assert len(made) > 2
    assert len(alive) > 3
    assert set(alive) == {0}


@pytest.mark.usefixtures("as_if_on_a_gpu")
@pytest.mark.parametrize(("halving_at", "expected"), [(None, 2), (16, 4)])
def test_a_block_is_prepared_again_only_for_new_stacks_or_without_averages(
    monkeypatch: pytest.MonkeyPatch, halving_at: int | None, expected: int
) -> None:
    runners = 0
    runner_of = TensorEngine.block_runner

    def counted(
        self: TensorEngine, block: Callable[[], None], generators: Sequence[torch.Generator]
    ) -> Callable[[], None]:
        nonlocal runners
        runners += 1
        return runner_of(self, block, generators)

    monkeypatch.setattr(TensorEngine, "block_runner", counted)
    halving = None
    if halving_at is not None:
        halving = Halving(grace_period=halving_at, reduction_factor=2, min_survivors=1)
    pack = make_pack([make_member(trial) for trial in range(8)], steps=128, halving=halving)
    reports = list(train(pack, device=CPU))
    assert len(reports) == 4
    assert runners == expected


def test_what_is_unloaded_no_longer_changes() -> None:
    pack = make_pack([make_member(trial, width=3 + trial) for trial in range(3)], steps=32)
    trainees = [Trainee.start(member, pack.task, CPU, torch.float64) for member in pack.members]
    (stack,) = TensorEngine(pack, device=CPU, dtype=torch.float64).stacks(trainees, 0)
    (before, *_) = stack.unload()
    copies = [piece.clone() for piece in before.pieces]
    stream = source_of(pack.task).training(
        batch_size=pack.batch_size, device=CPU, dtype=torch.float64
    )
    stream.arrange([7])
    stream.fill(BLOCK_STEPS)
    stack.bind(stream.block, averaging=True)
    stack.schedule(0, pack.steps)
    stack.train(BLOCK_STEPS)
    for piece, copy in zip(before.pieces, copies, strict=True):
        torch.testing.assert_close(piece, copy, rtol=0, atol=0)
    (after, *_) = stack.unload()
    assert not torch.equal(after.pieces[0], before.pieces[0])
