"""The full tensor of two modes: what is trained and judged on, and Pearson's R."""

import math
from dataclasses import asdict
from typing import Any

import numpy
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trainables_tests.packs import OPTIMISERS, make_member, make_pack
from trainables import Member, Pack, Task, train
from trainables.alone import evaluate_alone, train_alone
from trainables.pack_rows import pack_result
from trainables.sources import source_of
from trainables.sources.batches import RUNG_PAIRS, SELECTION_PAIRS, Batches
from trainables.sources.modes import FullTensor
from trainables.training import Report

CPU = torch.device("cpu")
VALUES = 23


def modes(values: int = VALUES, **more: Any) -> dict[str, Any]:
    """The task of a spec's `data: {modes: {values: ...}}`, without its rank."""
    sizes = dict.fromkeys(("users", "items", "pairs_per_user"), values)
    return {"data": "modes", "pairs": values**2, "shuffle": True, **sizes, **more}


MODELS: list[dict[str, Any]] = [
    {"model": "dot"},
    {"model": "dot_bias"},
    {"model": "mlp", "depth": 0},
    {"model": "mlp", "width": 3},
    {"model": "mlp", "depth": 2, "width": 20, "activation": "tanh", "multiplication": True},
]


def members(optimizer: str, *, shared: bool = True) -> list[Member]:
    rate = 0.1 if optimizer == "adagrad" else 1e-2
    return [
        make_member(
            index,
            factors=4 + index,
            learning_rate=rate,
            optimizer=optimizer,
            schedule="constant",
            data_seed=7 if shared else 7 + index,
            **model,
        )
        for index, model in enumerate(MODELS)
    ]


def tensor(pack: Pack, member: Member, dtype: torch.dtype = torch.float64) -> Batches:
    """All pairs of a member, as one batch."""
    pairs = source_of(pack.task).evaluation(
        [member.evaluation_seed], data_seeds=[member.data_seed], device=CPU, dtype=dtype
    )
    parts = [(part.inputs.clone(), part.labels.clone()) for part in pairs.parts(RUNG_PAIRS)]
    inputs, labels = zip(*parts, strict=True)
    return Batches(torch.cat(inputs, dim=3), torch.cat(labels, dim=2))


@torch.no_grad()
def judged(pack: Pack, member: Member) -> tuple[numpy.ndarray, numpy.ndarray]:
    """The predictions of plain torch for all pairs, and their labels."""
    with torch.enable_grad():
        *_, alone = train_alone(pack, member, device=CPU, dtype=torch.float64)
    whole = tensor(pack, member)
    users, items = whole.inputs[0, 0]
    return alone.network(users, items).numpy(), whole.labels[0, 0].numpy()


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("optimizer", OPTIMISERS)
def test_a_pack_s_loss_and_correlation_are_those_of_plain_torch_and_numpy(
    optimizer: str, shared: bool
) -> None:
    pack = make_pack(members(optimizer, shared=shared), steps=120, batch_size=50, **modes())
    *_, report = train(pack, device=CPU, dtype=torch.float64)
    assert len(report.evaluations) == len(MODELS)
    correlated = []
    for evaluation in report.evaluations:
        loss = evaluation.loss
        assert loss is not None
        predictions, labels = judged(pack, evaluation.member)
        assert loss.mean == pytest.approx(float(((predictions - labels) ** 2).mean()), rel=1e-10)
        assert loss.normalised == pytest.approx(loss.mean / labels.var(ddof=1), rel=1e-10)
        if numpy.ptp(predictions) < 1e-12:  # no unit is above 0 any more
            assert loss.pearson_r is None
        else:
            correlation = numpy.corrcoef(predictions, labels)[0, 1]
            assert loss.pearson_r == pytest.approx(correlation, abs=1e-10)
            correlated.append(evaluation.member.trial)
        *_, alone = train_alone(pack, evaluation.member, device=CPU, dtype=torch.float64)
        nmse = evaluate_alone(alone.network, pack, evaluation.member, rung=False, device=CPU)
        assert nmse == pytest.approx(loss.normalised, rel=1e-10)
    assert len(correlated) >= len(MODELS) - 1


@settings(deadline=None, max_examples=25)
@given(
    values=st.integers(2, 40) | st.sampled_from([97, 1025, 1030]),
    rank=st.integers(1, 3),
    scale=st.floats(0.1, 3.0),
    seeds=st.lists(st.integers(0, 2**62), min_size=1, max_size=3, unique=True),
)
def test_what_is_judged_are_all_pairs_of_a_tensor_of_that_rank(
    values: int, rank: int, scale: float, seeds: list[int]
) -> None:
    source = FullTensor(Task(dimension=rank, scale=scale, **modes(values)))
    pairs = source.evaluation([1], data_seeds=seeds, device=CPU, dtype=torch.float64)
    for asked in (RUNG_PAIRS, SELECTION_PAIRS):
        found = torch.full((len(seeds), values, values), math.nan, dtype=torch.float64)
        count = 0
        for part in pairs.parts(asked):
            for of_batch, labels in zip(part.inputs, part.labels, strict=True):
                for stream, (users, items) in enumerate(of_batch):
                    found[stream, users, items - values] = labels[stream]
                count += of_batch.shape[2]
        assert count == values**2
        assert bool(found.isfinite().all())
    assert [int(torch.linalg.matrix_rank(each)) for each in found] == [min(rank, values)] * len(
        seeds
    )
    alone = source.evaluation([2], data_seeds=seeds[-1:], device=CPU, dtype=torch.float64)
    (first, *_) = alone.parts(1)
    users, items = first.inputs[0, 0]
    assert torch.equal(found[-1, users, items - values], first.labels[0, 0])


@pytest.mark.parametrize("noise", [0.0, 0.5])
@pytest.mark.parametrize("shuffle", [True, False])
def test_an_epoch_trains_on_every_cell_of_the_tensor_that_is_judged(
    shuffle: bool, noise: float
) -> None:
    task = Task(dimension=2, **modes(6, label_noise_std=noise, shuffle=shuffle))
    stream = source_of(task).training(batch_size=12, device=CPU, dtype=torch.float64)
    stream.arrange([7])
    whole = tensor(make_pack([make_member()], **asdict(task)), make_member())
    cells = {
        tuple(pair): label
        for pair, label in zip(
            whole.inputs[0, 0].T.tolist(), whole.labels[0, 0].tolist(), strict=True
        )
    }
    orders = []
    for _ in range(2):
        stream.fill(3)
        seen = stream.block.inputs[:3, 0].movedim(1, 2).flatten(0, 1).tolist()
        labels = stream.block.labels[:3, 0].flatten().tolist()
        assert sorted(map(tuple, seen)) == sorted(cells)
        differences = [label - cells[tuple(pair)] for pair, label in zip(seen, labels, strict=True)]
        assert (max(map(abs, differences)) > 0) == (noise > 0)
        orders.append(seen)
    assert (orders[0] != orders[1]) == shuffle


def test_no_two_seeds_have_one_tensor_and_evaluation_seeds_change_none() -> None:
    pack = make_pack([make_member()], **modes())
    first, same, other = (
        tensor(pack, make_member(data_seed=data, evaluation_seed=evaluation)).labels
        for data, evaluation in ((7, 9), (7, 10), (8, 9))
    )
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


def losses(report: Report) -> dict[int, Any]:
    return {each.member.trial: each.loss for each in report.evaluations}


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_a_correlation_s_bits_are_those_of_a_model_alone(threads: int) -> None:
    together = make_pack(members("adagrad", shared=False), steps=30, batch_size=64, **modes())
    *_, report = train(together, device=CPU, threads=threads)
    for member in together.members:
        pack = make_pack([member], steps=30, batch_size=64, **modes())
        *_, alone = train(pack, device=CPU)
        assert losses(alone)[member.trial] == losses(report)[member.trial]
    correlations = [loss.pearson_r for loss in losses(report).values()]
    assert sum(each is not None for each in correlations) >= len(MODELS) - 1


def test_predictions_that_are_all_alike_or_not_finite_have_no_correlation() -> None:
    """Of one ReLU that is never above 0 is left the bias; other data has none either."""
    dead = make_member(0, model="mlp", width=1, factors=3, optimizer="sgd", learning_rate=0.3)
    wild = make_member(1, model="dot", factors=3, optimizer="sgd", learning_rate=1e20)
    kinds = [
        make_member(seed, **{**dead.hyperparameters, "learning_rate": 0.3}) for seed in range(2, 30)
    ]
    pack = make_pack([dead, wild, *kinds], steps=400, batch_size=64, **modes())
    result = pack_result(pack, train(pack, device=CPU), device="cpu", worker="test")
    rows = {row.trial: row for row in result.trials}
    assert (rows[1].status, rows[1].pearson_r) == ("diverged", None)
    alike = [row for row in result.trials if row.status == "completed" and row.pearson_r is None]
    assert alike
    for row in alike:  # as good as a constant is
        assert row.nmse is not None
        assert row.nmse > 0.99
    stream = make_pack([make_member()], steps=4)
    *_, report = train(stream, device=CPU)
    assert losses(report)[0].pearson_r is None


def test_one_unit_cannot_and_twenty_can() -> None:
    """What Beutel et al. 2018 found, at a fifth of the preset's values and steps."""
    narrow, wide = (
        [
            make_member(
                100 * width + trial,
                model="mlp",
                width=width,
                factors=20,
                optimizer="adagrad",
                learning_rate=0.1,
                schedule="constant",
            )
            for trial in range(4)
        ]
        for width in (1, 20)
    )
    pack = make_pack([*narrow, *wide], dimension=1, steps=800, batch_size=64, **modes(30))
    *_, report = train(pack, device=CPU)
    found = {trial: loss.pearson_r or 0.0 for trial, loss in losses(report).items()}
    assert max(found[member.trial] for member in narrow) < 0.9
    assert min(found[member.trial] for member in wide) > 0.99
