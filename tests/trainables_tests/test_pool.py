"""The pool: which pairs it has, what comes in an epoch, and how far a network is from the truth."""

from collections import Counter
from math import comb, sqrt
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trainables_tests.packs import make_member, make_pack
from tests.trainables_tests.test_memory import live_bytes
from trainables import Task, train
from trainables.alone import train_alone
from trainables.processor.pack_memory import KeptPairs
from trainables.sources.pool import FRESH_PAIRS, Pool, PooledPairs, distinct
from trainables.sources.random_vectors import RandomVectors

CPU = torch.device("cpu")
USERS, ITEMS, EACH = 11, 9, 6
POOL: dict[str, Any] = {"users": USERS, "items": ITEMS, "pairs_per_user": EACH, "pairs": 60}
TASK = Task(dimension=3, scale=0.5, label_noise_std=0.3, data="pool", **POOL, shuffle=True)


def all_pairs(task: Task, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Every pair of a pool, (3 D + 1, P) and labels (P,), those to test on last."""
    pool = Pool(task, seed, CPU, torch.float64)
    batches = pool.empty(1, pool.pairs, 1)
    pool.put(torch.arange(pool.pairs)[None], batches.inputs[:, 0], batches.labels[:, 0])
    return batches.inputs[0, 0], batches.labels[0, 0]


@given(count=st.integers(0, 60), more=st.integers(0, 200), seed=st.integers(0, 2**63 - 1))
def test_numbers_are_distinct(count: int, more: int, seed: int) -> None:
    numbers = distinct(count, count + more, torch.Generator().manual_seed(seed)).tolist()
    assert len(set(numbers)) == len(numbers) == count
    assert all(0 <= number < count + more for number in numbers)


@pytest.mark.parametrize(("count", "below"), [(2, 6), (2, 3)])  # drawn again, and at once
def test_every_choice_is_equally_likely(count: int, below: int) -> None:
    generator, draws = torch.Generator().manual_seed(3), 3000
    found = Counter(tuple(distinct(count, below, generator).tolist()) for _ in range(draws))
    sequences = comb(below, count) * count  # of two: each in both orders
    expected = draws / sequences
    assert len(found) == sequences
    assert all(abs(each - expected) < 5 * sqrt(expected) for each in found.values())


def test_the_pairs_are_of_few_vectors_and_differ() -> None:
    inputs, _ = all_pairs(TASK, 5)
    users, items = ({tuple(each) for each in part.T.tolist()} for part in (inputs[:3], inputs[3:6]))
    pairs = {tuple(each) for each in inputs[:6].T.tolist()}
    assert len(users) <= USERS
    assert len(items) <= ITEMS
    assert len(pairs) == USERS * EACH


def test_an_epoch_is_the_training_pairs_each_with_its_own_noise() -> None:
    inputs, labels = all_pairs(TASK, 5)
    expected = {
        tuple(pair): label for pair, label in zip(inputs.T.tolist(), labels.tolist(), strict=True)
    }
    training = [tuple(pair) for pair in inputs.T[: POOL["pairs"]].tolist()]
    batches = PooledPairs(TASK).training(batch_size=20, device=CPU, dtype=torch.float64)
    batches.arrange([5])
    orders = []
    for _ in range(2):
        batches.fill(3)
        seen = batches.block.inputs[:3, 0].movedim(1, 2).flatten(0, 1).tolist()
        noisy = batches.block.labels[:3, 0].flatten().tolist()
        assert sorted(map(tuple, seen)) == sorted(training)
        assert [expected[tuple(pair)] for pair in seen] == noisy
        orders.append(seen)
    assert orders[0] != orders[1]
    noise = labels - (inputs[:3] * inputs[3:6]).sum(0)
    assert float(noise.std()) == pytest.approx(0.3, rel=0.4)
    assert len({*noise.tolist()}) == USERS * EACH


def excess(network: torch.nn.Module, inputs: torch.Tensor, labels: torch.Tensor) -> float:
    """Of its root mean squared error over that of the dot product."""
    a, b = inputs[:3].T, inputs[3:6].T
    predicted, true = network(a, b), (a * b).sum(1)
    return float(
        (predicted - labels).square().mean().sqrt() - (true - labels).square().mean().sqrt()
    )


@pytest.mark.parametrize("shared", [True, False])
@torch.no_grad()
def test_the_excess_is_that_of_each_network_on_its_own_pairs(shared: bool) -> None:
    members = [
        make_member(
            trial,
            depth=trial,
            data_seed=7 if shared else 7 + trial,
            evaluation_seed=9 if shared else 9 + trial,
        )
        for trial in range(3)
    ]
    task = {name: getattr(TASK, name) for name in ("scale", "label_noise_std", "data", "shuffle")}
    pack = make_pack(members, dimension=3, steps=6, batch_size=16, **POOL, **task)
    *_, report = train(pack, device=CPU, dtype=torch.float64)
    for evaluation in report.evaluations:
        member, loss = evaluation.member, evaluation.loss
        assert loss is not None
        with torch.enable_grad():
            *_, alone = train_alone(pack, member, device=CPU, dtype=torch.float64)
        inputs, labels = all_pairs(pack.task, member.data_seed)
        test = excess(alone.network, inputs[:, POOL["pairs"] :], labels[POOL["pairs"] :])
        assert loss.rmse_excess["test"] == pytest.approx(test, abs=1e-12)
        # Fresh pairs are the training pairs that a stream of another seed would give.
        assert loss.rmse_excess.keys() == {"test", "fresh"}
        assert loss.rmse_excess["fresh"] == pytest.approx(fresh_excess(alone.network), abs=0.02)


def fresh_excess(network: torch.nn.Module) -> float:
    stream = RandomVectors(TASK).training(batch_size=FRESH_PAIRS, device=CPU, dtype=torch.float64)
    stream.arrange([123])
    stream.fill(1)
    return excess(network, stream.block.inputs[0, 0], stream.block.labels[0, 0])


def test_the_dot_product_itself_has_no_excess() -> None:
    member = make_member(multiplication=True, depth=0, learning_rate=0.05)
    pack = make_pack([member], steps=2000, batch_size=60, data="pool", **POOL, shuffle=False)
    *_, report = train(pack, device=CPU, dtype=torch.float64)
    loss = report.evaluations[0].loss
    assert loss is not None
    assert loss.rmse_excess["test"] == pytest.approx(0, abs=1e-6)
    assert loss.rmse_excess["fresh"] == pytest.approx(0, abs=1e-6)


def test_a_pool_that_nobody_trains_on_is_gone() -> None:
    source = PooledPairs(TASK)
    batches = source.training(batch_size=20, device=CPU, dtype=torch.float32)
    batches.arrange([5, 6])
    assert sorted(source._pools) == [5, 6]
    batches.arrange([6])
    assert sorted(source._pools) == [6]


@settings(max_examples=10, deadline=None)
@given(users=st.integers(100, 300), each=st.integers(10, 60), dimension=st.integers(1, 9))
def test_a_pool_holds_what_is_foretold(users: int, each: int, dimension: int) -> None:
    pairs = users * each
    before = live_bytes()
    pool = Pool(
        Task(
            dimension=dimension,
            label_noise_std=0.1,
            data="pool",
            users=users,
            items=users,
            pairs_per_user=each,
            pairs=pairs - pairs // 10,
            shuffle=True,
        ),
        5,
        CPU,
        torch.float32,
    )
    held = live_bytes() - before
    foretold = KeptPairs(pairs=pairs, vectors=2 * users).bytes(
        dimension, streams=1, label_noise=True
    )
    assert held == foretold - 4 * (pairs // 10)  # of which no order is needed: they are for tests
    del pool
