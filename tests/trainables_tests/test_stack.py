"""Stacks, both kinds, against the same networks trained alone with plain torch."""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import cycle
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spaces.vocabulary import layers_text
from tests.trainables_tests.packs import INITIALISATIONS, make_member, make_pack, member_lists
from trainables import Member, Pack, train
from trainables.alone import evaluate_alone, train_alone
from trainables.evaluation import evaluate
from trainables.families import family_of
from trainables.families.mlp import Mlp, layer_pieces
from trainables.gpu.tensor_stack import TensorStack
from trainables.optimisers import OPTIMISERS
from trainables.processor.compiled_stack import CompiledStack
from trainables.sources import source_of
from trainables.sources.batches import BLOCK_STEPS, RUNG_PAIRS
from trainables.stack import Stack
from trainables.trainee import Trainee

CPU = torch.device("cpu")
DATA: list[dict[str, Any]] = [
    {},
    {"inputs": "uniform", "target": "cosine"},
    {"inputs": "rademacher"},
    {"data": "fixed", "pairs": 70, "shuffle": True},
    {"data": "fixed", "pairs": 32, "shuffle": False},
    {"data": "pool", "pairs": 54, "users": 6, "items": 12, "pairs_per_user": 10, "shuffle": True},
]
"""What the pairs are, and where they come from."""


def compiled_stack(pack: Pack, dtype: torch.dtype) -> Stack:
    trainees = [Trainee.start(m, pack.task, CPU, dtype) for m in pack.members]
    return CompiledStack(
        trainees,
        dimension=pack.task.dimension,
        dtype=dtype,
        threads=2,
    )


def tensor_stack(pack: Pack, dtype: torch.dtype) -> Stack:
    trainees = [Trainee.start(m, pack.task, CPU, dtype) for m in pack.members]
    return TensorStack(
        trainees,
        dimension=pack.task.dimension,
        batch_size=pack.batch_size,
        steps_done=0,
        device=CPU,
        dtype=dtype,
    )


StackOf = Callable[[Pack, torch.dtype], Stack]
both_engines = pytest.mark.parametrize("stack_of", [compiled_stack, tensor_stack])


def trained(pack: Pack, stack_of: StackOf, dtype: torch.dtype) -> Stack:
    """All members of `pack`, of one kind, in one stack, trained to the end."""
    stack = stack_of(pack, dtype)
    stream = source_of(pack.task).training(batch_size=pack.batch_size, device=CPU, dtype=dtype)
    stream.arrange([member.data_seed for member in stack.members])
    stack.bind(stream.block, averaging=True)
    for step in range(0, pack.steps, BLOCK_STEPS):
        stream.fill(BLOCK_STEPS)
        stack.schedule(step, pack.steps)
        stack.train(min(BLOCK_STEPS, pack.steps - step))
    return stack


def pieces_of(network: torch.nn.Module, dimension: int) -> list[torch.Tensor]:
    """A network's weights in the shapes of `Trainee.pieces`."""
    linears = [layer for layer in network.modules() if isinstance(layer, torch.nn.Linear)]
    layers = [(linear.weight.detach(), linear.bias.detach()) for linear in linears]
    return layer_pieces(layers, dimension)


def without_ties(member: Member, *, layers: int = 2) -> Member:
    """The member, folded only where it has no more than so many hidden layers, else constructed.

    With three layers that fold and more, units get sums that cancel for many of the pairs: the sign
    of what rounding leaves decides whether they pass a gradient, and no two ways to train agree.
    """
    folded = member.hyperparameters["initialisation"] == "folded"
    if folded and len(Mlp.of(member).layer_sizes) > layers:
        return with_given(member, initialisation="constructed")
    return member


def one_kind(members: list[Member]) -> list[Member]:
    """Those members that may share a stack with the first."""

    def kind(member: Member) -> tuple[object, ...]:
        mlp = Mlp.of(member)
        return mlp.multiplication, mlp.activation, member.schedule, member.optimizer

    return [member for member in members if kind(member) == kind(members[0])]


@both_engines
@pytest.mark.parametrize(
    ("dtype", "steps", "tolerance"), [(torch.float64, 50, 1e-12), (torch.float32, 10, 1e-5)]
)
@settings(max_examples=25, deadline=None)
@given(
    members=member_lists(),
    dimension=st.integers(1, 5),
    noise=st.sampled_from([0.0, 0.3]),
    data=st.sampled_from(DATA),
)
def test_a_stack_equals_its_members_trained_alone(
    dtype: torch.dtype,
    steps: int,
    tolerance: float,
    stack_of: StackOf,
    members: list[Member],
    dimension: int,
    noise: float,
    data: dict[str, Any],
) -> None:
    if dtype == torch.float32:
        # Of a gradient that is nearly zero rounding leaves nothing in float32, and the other
        # optimisers make a whole step of what is left: see the next test.
        # The large weights by hand of layers that fold magnify it, too.
        members = [without_ties(with_given(each, optimizer="sgd"), layers=0) for each in members]
    if "inputs" in data:
        members = [with_given(member, initialisation="he") for member in members]
    task = {"label_noise_std": noise, **data}
    members = one_kind([without_ties(member) for member in members])
    pack = make_pack(members, dimension=dimension, steps=steps, **task)
    for pairs in trained_and_alone(pack, stack_of, dtype):
        assert distance(pairs) <= tolerance
        if dtype == torch.float64:
            for stacked, expected in pairs:
                torch.testing.assert_close(stacked, expected, rtol=tolerance, atol=tolerance)


@both_engines
@settings(max_examples=15, deadline=None)
@given(
    layers=st.lists(st.lists(st.integers(1, 12), max_size=4), min_size=1, max_size=6),
    dimension=st.integers(1, 4),
)
def test_layers_may_be_of_any_sizes(
    stack_of: StackOf, layers: list[list[int]], dimension: int
) -> None:
    members = [
        without_ties(
            make_member(trial, layer_sizes=layers_text(units), initialisation=initialisation)
        )
        for trial, (units, initialisation) in enumerate(zip(layers, cycle(INITIALISATIONS)))
    ]
    pack = make_pack(members, dimension=dimension, steps=20)
    for pairs in trained_and_alone(pack, stack_of, torch.float64):
        assert distance(pairs) <= 1e-12


@both_engines
@pytest.mark.parametrize("optimizer", OPTIMISERS)
def test_in_float32_most_members_equal_those_trained_alone(
    stack_of: StackOf, optimizer: str
) -> None:
    """Of any optimiser; a few meet a gradient that is nothing but rounding."""
    draw = random.Random(3)
    distances: list[float] = []
    for trial in range(20):
        size = {"depth": draw.randint(0, 3), "width": draw.randint(1, 24)}
        activation = draw.choice(["relu", "gelu", "silu", "tanh"])
        rate = 10 ** draw.uniform(-3, -2)
        member = make_member(
            trial, **size, activation=activation, learning_rate=rate, optimizer=optimizer
        )
        pack = make_pack([member], dimension=draw.randint(1, 5), steps=10)
        distances += map(distance, trained_and_alone(pack, stack_of, torch.float32))
    assert sorted(distances)[14] < 1e-6


def with_given(member: Member, **given: str) -> Member:
    return replace(member, hyperparameters={**member.hyperparameters, **given})


Pairs = list[tuple[torch.Tensor, torch.Tensor]]


def distance(pairs: Pairs) -> float:
    """How far the blocks of weights of a member are from those expected, by the largest block.

    A single bias may be as small as rounding by chance.
    """
    largest = max(expected.norm() for _, expected in pairs)
    return max(float((stacked - expected).norm() / largest) for stacked, expected in pairs)


def trained_and_alone(pack: Pack, stack_of: StackOf, dtype: torch.dtype) -> Iterator[Pairs]:
    """Each member's weights and averages of them by block, as trained in a stack and alone."""
    for trainee in trained(pack, stack_of, dtype).unload():
        *_, alone = train_alone(pack, trainee.member, device=CPU, dtype=dtype)
        weights = pieces_of(alone.network, pack.task.dimension)
        averages = pieces_of(alone.average, pack.task.dimension)
        pieces = trainee.pieces
        yield [
            *((piece[0], weight) for piece, weight in zip(pieces, weights, strict=True)),
            *((piece[-1], average) for piece, average in zip(pieces, averages, strict=True)),
        ]


@both_engines
@settings(max_examples=15, deadline=None)
@given(members=member_lists(), dimension=st.integers(1, 5), batch_size=st.integers(2, 200))
def test_a_stack_judges_its_members_as_they_are_judged_alone(
    stack_of: StackOf, members: list[Member], dimension: int, batch_size: int
) -> None:
    whole = one_kind([*map(without_ties, members)])
    pack = make_pack(whole, dimension=dimension, steps=18, batch_size=batch_size)
    stack = trained(pack, stack_of, torch.float64)
    train_losses = stack.take_squared_error() / (pack.steps * batch_size)
    for averaged in (False, True):
        losses = evaluate(stack, source_of(pack.task), RUNG_PAIRS, averaged=averaged)
        for member, loss, train_loss in zip(stack.members, losses, train_losses, strict=True):
            alone, squares = None, []
            for alone in train_alone(pack, member, device=CPU, dtype=torch.float64):
                squares.append(float(alone.train_loss))
            assert alone is not None
            network = alone.average if averaged else alone.network
            nmse = evaluate_alone(network, pack, member, rung=True, device=CPU)
            assert loss.normalised == pytest.approx(nmse, rel=1e-9)
            assert float(train_loss) == pytest.approx(sum(squares) / len(squares), rel=1e-9)
    assert stack.take_squared_error().count_nonzero() == 0


@settings(max_examples=15, deadline=None)
@given(members=member_lists(), dimension=st.integers(1, 5))
def test_a_pack_reports_the_losses_of_its_members_trained_alone(
    members: list[Member], dimension: int
) -> None:
    pack = make_pack([*map(without_ties, members)], dimension=dimension, steps=24)
    reports = list(train(pack, device=CPU, dtype=torch.float64))
    assert [report.step for report in reports] == [3, 6, 12, 24]
    for position, member in enumerate(pack.members):
        checkpoints = train_alone(pack, member, device=CPU, dtype=torch.float64)
        for report in reports:
            checkpoint = next(point for point in checkpoints if point.step == report.step)
            evaluation = report.evaluations[position]
            last = report.step == pack.steps
            network = checkpoint.network if last else checkpoint.average
            nmse = evaluate_alone(network, pack, member, rung=not last, device=CPU)
            assert evaluation.member == member
            assert evaluation.loss is not None
            assert evaluation.loss.normalised == pytest.approx(nmse, rel=1e-9)


def test_padding_stays_exactly_zero() -> None:
    pack = make_pack([make_member(0, width=3, depth=3), make_member(1, width=8, depth=2)], steps=50)
    stack = trained(pack, tensor_stack, torch.float32)
    assert isinstance(stack, TensorStack)
    used = sum(family_of(member).parameters(member, pack.task) for member in pack.members)
    assert int(torch.count_nonzero(stack._states[0])) == used


@pytest.mark.parametrize("activation", ["relu", "gelu", "silu", "tanh"])
def test_a_diverging_member_leaves_and_disturbs_nobody(activation: str) -> None:
    steady = [make_member(trial, activation=activation, width=4 + trial) for trial in range(3)]
    wild = make_member(3, activation=activation, depth=0, learning_rate=1e38)
    pack = make_pack([*steady, wild], steps=40)
    reports = list(train(pack, device=CPU))
    assert {e.member.trial: e.status for e in reports[0].evaluations}[3] == "diverged"
    ended = {e.member.trial: e for e in reports[-1].evaluations}
    assert set(ended) == {0, 1, 2}
    undisturbed = {
        e.member.trial: e
        for e in list(train(make_pack(steady, steps=40), device=CPU))[-1].evaluations
    }
    for trial, evaluation in ended.items():
        other = undisturbed[trial].loss
        assert evaluation.status == "completed"
        assert evaluation.loss is not None
        assert other is not None
        assert evaluation.loss.mean == pytest.approx(other.mean, rel=1e-4)


def test_a_pack_ends_when_all_have_diverged() -> None:
    pack = make_pack([make_member(0, depth=0, learning_rate=1e38)], steps=40)
    (report,) = train(pack, device=CPU)
    assert [e.status for e in report.evaluations] == ["diverged"]
    assert report.evaluations[0].loss is None
