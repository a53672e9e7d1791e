"""Packs of models on learned embeddings: the numbers of plain torch, alone and in company."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trainables_tests.packs import ACTIVATIONS, OPTIMISERS, make_member, make_pack
from trainables import Halving, Member, Pack, Task, train
from trainables.alone import evaluate_alone, train_alone
from trainables.families import family_of
from trainables.families.embedding_family import EmbeddingNetwork
from trainables.families.embeddings import DotProductBias
from trainables.sources import source_of
from trainables.stop_rules import stop_rule_of
from trainables.training import Report

CPU = torch.device("cpu")
PLANTED: dict[str, Any] = {
    "data": "planted",
    "users": 60,
    "items": 41,
    "pairs_per_user": 9,
    "pairs": 486,
    "shuffle": True,
    "label_noise_std": 0.3,
}
MODELS: list[dict[str, Any]] = [
    {"model": "dot"},
    {"model": "dot_bias"},
    {"model": "mlp", "depth": 0},
    {"model": "mlp", "multiplication": True},
    {"model": "neumf", "width": 9},
    {"model": "neumf", "depth": 0, "multiplication": True},
    {"model": "mlp", "depth": 2, "width": 20, "activation": "tanh", "initialisation": "he"},
    {"model": "mlp", "depth": 2, "width": 13, "activation": "tanh", "dropout": 0.2},
]

RANGES = ("-4.0 to 5.5", "none", "-2.5 to 2.0")
"""Of one member after the other; the last is narrower than the labels."""


def members(
    optimizer: str = "adam", ranges: Sequence[str] = ("none",), **changes: Any
) -> list[Member]:
    """One of each model, with different numbers of factors, and these ranges in turn."""
    rate = 0.1 if optimizer == "adagrad" else 1e-2
    return [
        make_member(
            index,
            **{"factors": 5 + index, "learning_rate": rate, **model, **changes},
            y_range=ranges[index % len(ranges)],
            optimizer=optimizer,
        )
        for index, model in enumerate(MODELS)
    ]


def expect_plain_torch(pack: Pack, report: Report) -> None:
    """At the end each member's nmse is that of plain torch, trained alone in float64."""
    for evaluation in report.evaluations:
        assert evaluation.loss is not None
        *_, alone = train_alone(pack, evaluation.member, device=CPU, dtype=torch.float64)
        nmse = evaluate_alone(alone.network, pack, evaluation.member, rung=False, device=CPU)
        assert evaluation.loss.normalised == pytest.approx(nmse, rel=1e-10)


@pytest.mark.parametrize("ranges", [("none",), RANGES, RANGES[::-1]], ids=" ".join)
@pytest.mark.parametrize("schedule", ["cosine", "constant"])
@pytest.mark.parametrize("optimizer", OPTIMISERS)
def test_a_pack_equals_each_model_trained_alone_with_plain_torch(
    optimizer: str, schedule: str, ranges: Sequence[str]
) -> None:
    kinds = members(optimizer, ranges, schedule=schedule)
    pack = make_pack(kinds, dimension=3, steps=40, batch_size=70, **PLANTED)
    *_, report = train(pack, device=CPU, dtype=torch.float64)
    assert len(report.evaluations) == len(MODELS)
    expect_plain_torch(pack, report)


def test_members_with_dropout_and_without_equal_plain_torch() -> None:
    """Of all activations and depths, on batches of a slice and a part that is no whole panel."""
    kinds = [
        make_member(
            index,
            model="neumf" if index % 2 else "mlp",
            factors=3 + index,
            depth=1 + index % 3,
            width=5 + 3 * index,
            activation=ACTIVATIONS[index // 3],
            multiplication=index % 4 == 0,
            dropout=0.0 if index % 5 == 0 else index / 12,
            y_range=RANGES[index % 2],
            initialisation_seed=2**62 + index * 2**31,
        )
        for index in range(12)
    ]
    kinds.append(make_member(12, factors=4, depth=0, dropout=0.9))  # nothing to drop
    pack = make_pack(kinds, dimension=3, steps=20, batch_size=300, **PLANTED)
    *_, report = train(pack, device=CPU, dtype=torch.float64)
    assert len(report.evaluations) == len(kinds)
    expect_plain_torch(pack, report)


def adams(optimizer: str, **changes: Any) -> list[Member]:
    """One of each model, each with betas, an epsilon and a weight decay of its own."""
    betas = [(0.9, 0.999), (0.0, 0.9), (0.95, 0.98), (0.9, 0.8), (0.999, 0.9999), (0.5, 0.0)]
    return [
        make_member(
            index,
            **{"factors": 5 + index, "learning_rate": 2e-3, **model, **changes},
            optimizer=optimizer,
            beta_1=betas[index % 6][0],
            beta_2=betas[index % 6][1],
            epsilon=(1e-8, 1e-3, 0.1, 1e-2, 1e-5, 0.5)[index % 6],
            weight_decay=0.5 * index,
        )
        for index, model in enumerate(MODELS)
    ]


@pytest.mark.parametrize("optimizer", ["adam", "adamw"])
@pytest.mark.parametrize("shift", [0, 3])
def test_betas_epsilon_and_decay_of_each_are_its_own(optimizer: str, shift: int) -> None:
    given = adams(optimizer, schedule="one_cycle")
    turned = [
        replace(
            member,
            hyperparameters={
                **member.hyperparameters,
                **{
                    name: given[(index + shift) % len(given)].hyperparameters[name]
                    for name in ("beta_1", "beta_2", "epsilon", "weight_decay")
                },
            },
        )
        for index, member in enumerate(given)
    ]
    pack = make_pack(turned, dimension=3, steps=40, batch_size=30, **PLANTED)
    *_, report = train(pack, device=CPU, dtype=torch.float64, threads=2)
    expect_plain_torch(pack, report)


def test_betas_that_make_it_diverge_leave_no_loss() -> None:
    """Where moments outlive their roots, what they are divided by is a tiny epsilon."""
    kinds = [
        make_member(
            index,
            **{"factors": 3, **model},
            beta_1=0.9,
            beta_2=0.0,
            epsilon=1e-37,
            learning_rate=1.0,
        )
        for index, model in enumerate(MODELS)
    ]
    good = make_member(len(kinds), model="dot", factors=3)
    pack = make_pack([*kinds, good], dimension=3, steps=40, batch_size=30, **PLANTED)
    *_, report = train(pack, device=CPU)
    found = {each.member.trial: each for each in report.evaluations}
    assert found.pop(good.trial).loss is not None
    for each in found.values():
        assert (each.status, each.loss, each.train_loss) == ("diverged", None, None)


@pytest.mark.parametrize("ranges", [("none",), RANGES], ids=" ".join)
def test_rungs_judge_the_running_average_and_prune_as_plain_torch_would(
    ranges: Sequence[str],
) -> None:
    halving = Halving(grace_period=10, reduction_factor=2, min_survivors=1)
    kinds = members(ranges=ranges)
    pack = make_pack(kinds, dimension=3, steps=60, batch_size=70, halving=halving, **PLANTED)
    alive = {member.trial for member in pack.members}
    marks = stop_rule_of(halving).rungs(pack.steps)
    for report in train(pack, device=CPU, dtype=torch.float64):
        assert {each.member.trial for each in report.evaluations} == alive
        if report.step in marks:
            for each in report.evaluations:
                average = _average_at(pack, each.member, report.step)
                nmse = evaluate_alone(average, pack, each.member, rung=True, device=CPU)
                assert each.loss is not None
                assert each.loss.normalised == pytest.approx(nmse, rel=1e-10)
        alive = {each.member.trial for each in report.evaluations if each.status == "running"}
    assert not alive


def _average_at(pack: Pack, member: Member, step: int) -> torch.nn.Module:
    found = next(
        each
        for each in train_alone(pack, member, device=CPU, dtype=torch.float64)
        if each.step == step
    )
    return found.average


def test_a_range_is_fast_ai_s() -> None:
    """In value and gradient."""
    member = make_member(model="dot_bias", factors=4, y_range="0.5 to 5.5")
    network = family_of(member).reference(member, Task(dimension=3, **PLANTED))
    users, items = PLANTED["users"], PLANTED["items"]
    start = torch.Generator().manual_seed(0)
    plain = DotProductBias(users, items, 4, (0.5, 5.5), generator=start)
    drawn = 3 * torch.randn(users + items, 5, generator=start)
    factors, biases = network.parameters()
    with torch.no_grad():
        factors.copy_(drawn[:, :4])
        biases.copy_(drawn[:, 4:])
        for name, rows in (("user", drawn[:users]), ("item", drawn[users:])):
            getattr(plain, f"{name}_factors").copy_(rows[:, :4])
            getattr(plain, f"{name}_bias").copy_(rows[:, 4])
    pairs = torch.cartesian_prod(torch.arange(users), torch.arange(items))
    found, expected = network(pairs[:, 0], users + pairs[:, 1]), plain(pairs)
    torch.testing.assert_close(found, expected)
    assert 0.5 <= float(found.detach().min()) < 0.6
    assert 5.4 < float(found.detach().max()) <= 5.5
    found.square().sum().backward()
    expected.square().sum().backward()
    of_users = [plain.user_factors.grad, plain.user_bias.grad]  # type: ignore[union-attr]
    assert factors.grad is not None
    assert biases.grad is not None
    torch.testing.assert_close(factors.grad[:users], of_users[0], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(biases.grad[:users, 0], of_users[1], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("optimizer", OPTIMISERS)
def test_what_is_put_out_may_be_as_far_out_as_it_likes(optimizer: str) -> None:
    """At rates that send it beyond 10,000 predictions are the ends of the range."""
    kinds = members(optimizer, ["-4.0 to 5.5"], learning_rate=300.0, weight_decay=0.0)
    task = {"dimension": 3, "steps": 12, "batch_size": 70, **PLANTED}
    for dtype in (torch.float32, torch.float64):
        pack = make_pack(kinds, **task)
        *_, report = train(pack, device=CPU, dtype=dtype)
        for evaluation in report.evaluations:
            assert evaluation.loss is not None
            assert evaluation.loss.mean < 9.5**2
    *_, alone = train_alone(pack, kinds[0], device=CPU, dtype=torch.float64)
    network = alone.network
    assert isinstance(network, EmbeddingNetwork)
    network.model = replace(network.model, y_range=None)
    pairs = torch.arange(60).repeat_interleave(41), 60 + torch.arange(41).repeat(60)
    assert float(network(*pairs).detach().abs().max()) > 1e4


@settings(deadline=None, max_examples=10)
@given(data=st.data())
def test_a_model_s_bits_are_those_of_its_own_alone(data: st.DataObject) -> None:
    """Whatever else is in the pack, and however many threads divide it."""
    shared = data.draw(st.booleans())
    kinds = [
        make_member(
            index,
            **data.draw(st.sampled_from(MODELS)),
            factors=data.draw(st.integers(1, 20)),
            y_range=data.draw(st.sampled_from(RANGES)),
            optimizer=data.draw(st.sampled_from(OPTIMISERS)),
            beta_1=data.draw(st.sampled_from([None, 0.0, 0.8])),
            beta_2=data.draw(st.sampled_from([None, 0.9])),
            epsilon=data.draw(st.sampled_from([None, 1e-4])),
            data_seed=7 if shared else 7 + index,
        )
        for index in range(data.draw(st.integers(1, 4)))
    ]
    together = make_pack(kinds, dimension=2, steps=12, batch_size=33, **PLANTED)
    threads = data.draw(st.integers(1, 3))
    *_, report = train(together, device=CPU, threads=threads)
    for evaluation in report.evaluations:
        pack = make_pack([evaluation.member], dimension=2, steps=12, batch_size=33, **PLANTED)
        *_, alone = train(pack, device=CPU)
        assert _losses(alone)[evaluation.member.trial] == _losses(report)[evaluation.member.trial]


def _losses(report: Report) -> dict[int, float | None]:
    return {
        each.member.trial: None if each.loss is None else each.loss.mean
        for each in report.evaluations
    }


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_parameters_are_those_of_the_module(model: dict[str, Any]) -> None:
    member = make_member(**model, factors=6)
    task = Task(dimension=3, **PLANTED)
    module = family_of(member).reference(member, task)
    counted = sum(parameter.numel() for parameter in module.parameters())
    assert family_of(member).parameters(member, task) == counted


def test_the_right_model_finds_the_planted_vectors() -> None:
    """Without noise a dot product of as many factors comes close to nothing on unseen pairs."""
    task = {**PLANTED, "label_noise_std": 0.0, "pairs_per_user": 36, "pairs": 1944}
    right = make_member(0, model="dot", factors=2, learning_rate=0.03)
    few = make_member(1, model="dot", factors=1, learning_rate=0.03)
    pack = make_pack([right, few], dimension=2, steps=4000, batch_size=64, **task)
    *_, report = train(pack, device=CPU, dtype=torch.float64)
    found = {each.member.trial: each.loss.normalised for each in report.evaluations if each.loss}
    assert found[0] < 1e-4
    assert found[1] > 0.05


def test_held_out_pairs_are_none_that_were_trained_on() -> None:
    task = Task(dimension=3, **PLANTED)
    source = source_of(task)
    stream = source.training(batch_size=54, device=CPU, dtype=torch.float64)
    stream.arrange([7])
    seen: set[tuple[int, int]] = set()
    for _ in range(9):
        stream.fill(1)
        seen |= {tuple(pair) for pair in stream.block.inputs[0, 0].T.tolist()}
    assert len(seen) == PLANTED["pairs"]
    held_out = source.evaluation([9], data_seeds=[7], device=CPU, dtype=torch.float64)
    for part in held_out.parts(8192):
        judged = {tuple(pair) for step in part.inputs[:, 0] for pair in step.T.tolist()}
        assert not judged & seen
        assert all(0 <= user < 60 <= item < 101 for user, item in judged)
