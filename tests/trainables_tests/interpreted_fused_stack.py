"""Stacks of fused kernels against plain torch, in Triton's interpreter: see test_fused_stack.py."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from tests.trainables_tests.packs import make_member, make_pack
from tests.trainables_tests.test_stack import CPU, distance, trained, trained_and_alone
from trainables import Halving, Member, Pack, train, training
from trainables.alone import evaluate_alone, train_alone
from trainables.families.activation_modules import ACTIVATION_MODULES
from trainables.gpu import fused_stack as fused_stack_module
from trainables.gpu import tensor_engine
from trainables.gpu.fused_launches import EVALUATION
from trainables.gpu.fused_stack import FusedStack
from trainables.gpu.tensor_engine import TensorEngine
from trainables.gpu.tensor_stack import TensorStack
from trainables.optimisers import OPTIMISERS
from trainables.pack_state import PackState
from trainables.sources import source_of
from trainables.stack import Stack
from trainables.trainee import Trainee


def fused_stack(pack: Pack, dtype: torch.dtype) -> Stack:
    dimension = pack.task.dimension
    trainees = [Trainee.start(member, pack.task, CPU, dtype) for member in pack.members]
    return FusedStack(trainees, dimension=dimension, device=CPU, tf32=False)


@pytest.mark.parametrize("optimizer", OPTIMISERS)
def test_a_stack_equals_its_members_trained_alone(optimizer: str) -> None:
    """Members of all activations, of several depths and widths, in one stack."""
    members = [
        make_member(
            trial,
            depth=(trial + len(optimizer)) % 5,
            width=(20, 5, 33, 16)[trial % 4],
            activation=activation,
            optimizer=optimizer,
            multiplication=trial % 2 == 1,
            schedule=("cosine", "linear")[trial // 2 % 2],
            learning_rate=1e-3,
            data_seed=trial,
        )
        for trial, activation in enumerate(ACTIVATION_MODULES)
    ]
    members.append(make_member(9, layer_sizes="20-7-18", optimizer=optimizer, data_seed=9))
    pack = make_pack(members, dimension=3, steps=5, label_noise_std=0.1)
    found = list(trained_and_alone(pack, fused_stack, torch.float32))
    assert len(found) == len(members)
    # Of a gradient that is nearly zero rounding leaves nothing, and these make a step of that.
    tolerance = 1e-6 if optimizer in ("sgd", "adagrad") else 1e-5
    assert max(map(distance, found)) <= tolerance


def test_a_member_has_the_same_bits_alone_and_in_company() -> None:
    def members(others: bool) -> list[Member]:
        alike = [make_member(trial, width=9, depth=2, data_seed=3) for trial in range(2)]
        different = [make_member(2, width=40, data_seed=3), make_member(3, depth=3, data_seed=3)]
        return [*alike, *different] if others else alike[1:]

    def weights(others: bool) -> list[torch.Tensor]:
        stack = trained(make_pack(members(others), steps=20), fused_stack, torch.float32)
        (found,) = (trainee for trainee in stack.unload() if trainee.member.trial == 1)
        return list(found.pieces)

    for one, other in zip(weights(False), weights(True), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[type]:
    """Packs are trained as on a GPU that runs fused kernels: the kinds of stacks that are made."""
    made: list[type] = []

    class Engine(TensorEngine):
        def stacks(self, *arguments: Any) -> list[Stack]:
            stacks = super().stacks(*arguments)
            made.extend(map(type, stacks))
            return stacks

    def engine_for(pack: Pack, *, device: torch.device, dtype: torch.dtype, threads: int) -> Any:
        return Engine(pack, device=device, dtype=dtype)

    monkeypatch.setattr(training, "engine_for", engine_for)
    monkeypatch.setattr(tensor_engine, "is_available", lambda device: True)
    # The interpreter is as slow for small slices as for large ones.
    monkeypatch.setattr(fused_stack_module, "EVALUATION", replace(EVALUATION, slice=1024))
    return made


def test_a_pack_goes_on_from_a_state_that_was_kept(made: list[type]) -> None:
    members = [
        make_member(trial, depth=1 + trial % 2, width=(8, 70)[trial % 2]) for trial in range(4)
    ]
    halving = Halving(grace_period=10, reduction_factor=2, min_survivors=1)
    pack = make_pack(members, steps=40, halving=halving)
    states: list[PackState] = []
    whole = list(train(pack, device=CPU, keep=lambda state: states.append(state())))
    assert [state.step for state in states] == [10, 20, 36]
    for state in states:
        later = [report for report in whole if report.step > state.step]
        assert list(train(pack, device=CPU, begin=state)) == later
    assert set(made) == {FusedStack, TensorStack}


@pytest.mark.parametrize("own_streams", [False, True])
def test_a_pack_of_both_kinds_of_stacks_equals_its_members_alone(
    made: list[type], own_streams: bool
) -> None:
    """Fused are those whose layers are narrow enough; training, losses, halving."""
    members = [
        make_member(trial, depth=trial % 3, width=(8, 70, 20)[trial % 3], optimizer="sgd", **seeds)
        for trial in range(6)
        for seeds in [{"data_seed": trial, "evaluation_seed": trial} if own_streams else {}]
    ]
    halving = Halving(grace_period=10, reduction_factor=2, min_survivors=3)
    pack = make_pack(members, steps=20, halving=halving)
    reports = list(train(pack, device=CPU))
    assert set(made) == {FusedStack, TensorStack}
    assert [len(report.evaluations) for report in reports] == [6, 3]
    for evaluation in reports[0].evaluations:
        checkpoints = list(train_alone(pack, evaluation.member, device=CPU))[:10]
        losses = [float(point.train_loss) for point in checkpoints]
        assert evaluation.train_loss == pytest.approx(sum(losses) / 10, rel=1e-5)
    for evaluation in reports[-1].evaluations:
        *_, alone = train_alone(pack, evaluation.member, device=CPU)
        nmse = evaluate_alone(alone.network, pack, evaluation.member, rung=False, device=CPU)
        assert evaluation.loss is not None
        assert evaluation.loss.normalised == pytest.approx(nmse, rel=1e-5)


def test_without_averaging_the_average_stays() -> None:
    pack = make_pack([make_member()], steps=16)
    stack = fused_stack(pack, torch.float32)
    (before,) = stack.unload()
    train_steps(stack, pack, averaging=False)
    (after,) = stack.unload()
    for one, other in zip(before.pieces, after.pieces, strict=True):
        assert torch.equal(one[-1], other[-1])
        assert not torch.equal(one[0], other[0])


def train_steps(stack: Stack, pack: Pack, *, averaging: bool) -> None:
    stream = source_of(pack.task).training(
        batch_size=pack.batch_size, device=CPU, dtype=torch.float32
    )
    stream.arrange([member.data_seed for member in stack.members])
    stack.bind(stream.block, averaging=averaging)
    stream.fill(pack.steps)
    stack.schedule(0, pack.steps)
    stack.train(pack.steps)


def test_a_stack_without_batches_cannot_train() -> None:
    with pytest.raises(RuntimeError, match="bind a stack to its batches"):
        fused_stack(make_pack([make_member()]), torch.float32).train(1)
