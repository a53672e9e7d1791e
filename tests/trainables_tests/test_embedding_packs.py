"""Packs of models on learned embeddings: the numbers of plain torch, alone and in company."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trainables_tests.packs import OPTIMISERS, make_member, make_pack
from trainables import Halving, Member, Pack, Task, train
from trainables.alone import evaluate_alone, train_alone
from trainables.families import family_of
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


def members(optimizer: str = "adam", **changes: Any) -> list[Member]:
    """One of each model, with different numbers of factors."""
    rate = 0.1 if optimizer == "adagrad" else 1e-2
    return [
        make_member(
            index,
            **{"factors": 5 + index, "learning_rate": rate, **model, **changes},
            optimizer=optimizer,
        )
        for index, model in enumerate(MODELS)
    ]


@pytest.mark.parametrize("schedule", ["cosine", "constant"])
@pytest.mark.parametrize("optimizer", OPTIMISERS)
def test_a_pack_equals_each_model_trained_alone_with_plain_torch(
    optimizer: str, schedule: str
) -> None:
    pack = make_pack(
        members(optimizer, schedule=schedule), dimension=3, steps=40, batch_size=70, **PLANTED
    )
    *_, report = train(pack, device=CPU, dtype=torch.float64)
    assert len(report.evaluations) == len(MODELS)
    for evaluation in report.evaluations:
        assert evaluation.loss is not None
        *_, alone = train_alone(pack, evaluation.member, device=CPU, dtype=torch.float64)
        nmse = evaluate_alone(alone.network, pack, evaluation.member, rung=False, device=CPU)
        assert evaluation.loss.normalised == pytest.approx(nmse, rel=1e-10)


ACTIVE = ("relu", "gelu", "silu", "tanh")


def test_members_with_dropout_and_without_equal_plain_torch() -> None:
    """Of all activations and depths, on batches of a slice and a part that is no whole panel."""
    kinds = [
        make_member(
            index,
            model="neumf" if index % 2 else "mlp",
            factors=3 + index,
            depth=1 + index % 3,
            width=5 + 3 * index,
            activation=ACTIVE[index // 3],
            multiplication=index % 4 == 0,
            dropout=0.0 if index % 5 == 0 else index / 12,
            initialisation_seed=2**62 + index * 2**31,
        )
        for index in range(12)
    ]
    kinds.append(make_member(12, factors=4, depth=0, dropout=0.9))  # nothing to drop
    pack = make_pack(kinds, dimension=3, steps=20, batch_size=300, **PLANTED)
    *_, report = train(pack, device=CPU, dtype=torch.float64)
    assert len(report.evaluations) == len(kinds)
    for evaluation in report.evaluations:
        assert evaluation.loss is not None
        *_, alone = train_alone(pack, evaluation.member, device=CPU, dtype=torch.float64)
        nmse = evaluate_alone(alone.network, pack, evaluation.member, rung=False, device=CPU)
        assert evaluation.loss.normalised == pytest.approx(nmse, rel=1e-10)


def test_rungs_judge_the_running_average_and_prune_as_plain_torch_would() -> None:
    halving = Halving(grace_period=10, reduction_factor=2, min_survivors=1)
    pack = make_pack(members(), dimension=3, steps=60, batch_size=70, halving=halving, **PLANTED)
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
            optimizer=data.draw(st.sampled_from(OPTIMISERS)),
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
