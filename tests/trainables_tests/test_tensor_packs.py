"""Packs on a device without kernels: stacks of tensors, also where memory is short."""

from collections.abc import Sequence
from typing import Any

import pytest
import torch

from tests.trainables_tests.packs import make_member, make_pack
from trainables import Halving, Pack, train, training
from trainables.gpu import tensor_engine
from trainables.gpu.tensor_engine import TensorEngine
from trainables.gpu.tensor_stack import TensorStack
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
