"""The sources: what their batches hold and what they depend on."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from trainables import Task
from trainables.sources import source_of
from trainables.sources.batches import Batches
from trainables.sources.random_vectors import HeldOutPairs, RandomVectors
from trainables.sources.targets import TARGETS

CPU = torch.device("cpu")
SAMPLE: dict[str, Any] = {"data": "fixed", "pairs": 20}
POOL: dict[str, Any] = {"data": "pool", "pairs": 36, "users": 8, "items": 12, "pairs_per_user": 5}
every_source = pytest.mark.parametrize(
    "task",
    [
        Task(dimension=2, label_noise_std=0.1),
        Task(dimension=2, label_noise_std=0.1, **SAMPLE, shuffle=True),
        Task(dimension=2, label_noise_std=0.1, **SAMPLE, shuffle=False),
        Task(dimension=2, label_noise_std=0.1, **POOL, shuffle=True),
        Task(dimension=2, label_noise_std=0.1, **POOL, shuffle=False),
    ],
    ids=["stream", "shuffled sample", "sample in order", "shuffled pool", "pool in order"],
)


def batches(task: Task, seeds: list[int], blocks: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
    stream = source_of(task).training(batch_size=8, device=CPU, dtype=torch.float32)
    stream.arrange(seeds)
    parts = []
    for steps in blocks:
        stream.fill(steps)
        parts.append((stream.block.inputs[:steps].clone(), stream.block.labels[:steps].clone()))
    return torch.cat([x for x, _ in parts]), torch.cat([y for _, y in parts])


def parts_of(task: Task, seed: int, pairs: int) -> Iterator[Batches]:
    source = RandomVectors(task)
    return source.evaluation([seed], data_seeds=[0], device=CPU, dtype=torch.float32).parts(pairs)


@settings(deadline=None)
@given(dimension=st.integers(1, 9), scale=st.sampled_from([0.5, 1.0, 3.0]))
def test_rows_are_both_vectors_a_one_and_the_products(dimension: int, scale: float) -> None:
    inputs, labels = batches(Task(dimension=dimension, scale=scale), [3], [5])
    a, b = inputs[:, 0, :dimension], inputs[:, 0, dimension : 2 * dimension]
    torch.testing.assert_close(inputs[:, 0, 2 * dimension], torch.ones(5, 8))
    torch.testing.assert_close(inputs[:, 0, 2 * dimension + 1 :], a * b)
    expected = torch.einsum("sdb,sdb->sb", a.double(), b.double())
    torch.testing.assert_close(labels[:, 0].double(), expected, rtol=1e-5, atol=1e-5)


def test_a_stream_is_the_plain_draws_of_its_generator() -> None:
    inputs, _ = batches(Task(dimension=3), [5], [4])
    generator = torch.Generator().manual_seed(5)
    for step in range(4):
        torch.testing.assert_close(inputs[step, 0, :6], torch.randn(6, 8, generator=generator))


@pytest.mark.parametrize("inputs", ["normal", "uniform", "rademacher"])
def test_entries_have_their_distribution(inputs: str) -> None:
    """Mean 0, variance 1, and the fourth moment of the distribution: 3, 9 / 5 or 1."""
    drawn, _ = batches(Task(dimension=64, inputs=inputs), [5], [16] * 8)
    entries = drawn[:, 0, :128].double()
    error = entries.numel() ** -0.5
    fourth = {"normal": 3.0, "uniform": 1.8, "rademacher": 1.0}[inputs]
    assert float(entries.mean()) == pytest.approx(0, abs=5 * error)
    assert float(entries.square().mean()) == pytest.approx(1, abs=8 * error)
    assert float(entries.pow(4).mean()) == pytest.approx(fourth, abs=50 * error)
    assert {"uniform": 3**0.5, "rademacher": 1.0}.get(inputs, 99.0) >= float(entries.abs().max())


@settings(deadline=None)
@given(
    dimension=st.integers(1, 9),
    scale=st.sampled_from([1e-5, 1.0, 100.0]),
    inputs=st.sampled_from(["normal", "uniform", "rademacher"]),
)
def test_the_cosine_is_that_of_the_angle(dimension: int, scale: float, inputs: str) -> None:
    task = Task(dimension=dimension, scale=scale, inputs=inputs, target="cosine")
    drawn, labels = batches(task, [3], [5])
    a, b = drawn[:, 0, :dimension].double(), drawn[:, 0, dimension : 2 * dimension].double()
    expected = torch.nn.functional.cosine_similarity(a, b, dim=1, eps=0)
    torch.testing.assert_close(labels[:, 0].double(), expected, rtol=1e-5, atol=1e-6)


def test_a_vector_of_length_zero_has_no_angle() -> None:
    zeros, ones = torch.zeros(1, 2, 3), torch.ones(1, 2, 3)
    labels = torch.full((1, 3), 7.0)
    TARGETS["cosine"](zeros, ones, zeros * ones, labels)
    assert labels.tolist() == [[0.0, 0.0, 0.0]]


@every_source
@given(cuts=st.lists(st.integers(1, 5), min_size=1, max_size=4))
def test_blocks_do_not_change_a_stream(task: Task, cuts: list[int]) -> None:
    whole = batches(task, [5], [1] * sum(cuts))
    parts = batches(task, [5], cuts)
    assert torch.equal(whole[0], parts[0])
    assert torch.equal(whole[1], parts[1])


@every_source
def test_several_streams_are_each_their_own(task: Task) -> None:
    together, _ = batches(task, [5, 6], [3])
    for index, seed in enumerate([5, 6]):
        alone, _ = batches(task, [seed], [3])
        assert torch.equal(together[:, index], alone[:, 0])


@every_source
def test_leaving_seeds_do_not_disturb_those_that_stay(task: Task) -> None:
    stream = source_of(task).training(batch_size=8, device=CPU, dtype=torch.float32)
    stream.arrange([5, 6])
    stream.fill(2)
    stream.arrange([6])
    stream.fill(1)
    expected, _ = batches(task, [6], [3])
    assert torch.equal(stream.block.inputs[0, 0], expected[2, 0])


def test_label_noise_has_its_standard_deviation_and_spares_the_evaluation() -> None:
    task = Task(dimension=4, label_noise_std=0.5)
    source = RandomVectors(task)
    stream = source.training(batch_size=4096, device=CPU, dtype=torch.float32)
    stream.arrange([1])
    stream.fill(16)
    noise = stream.block.labels - stream.block.inputs[:, :, 9:].sum(2)
    assert float(noise.std()) == pytest.approx(0.5, rel=0.02)
    for part in parts_of(task, 1, 8192):
        torch.testing.assert_close(part.labels, part.inputs[:, :, 9:].sum(2))


def test_a_rung_uses_the_first_of_the_selection_pairs() -> None:
    def labels(pairs: int) -> torch.Tensor:
        parts = parts_of(Task(dimension=2), 4, pairs)
        return torch.cat([part.labels.flatten().clone() for part in parts])

    few, many = labels(8192), labels(65536)
    assert len(few) == 8192
    assert torch.equal(few, many[:8192])


def test_labels_have_the_variance_of_the_dimension() -> None:
    parts = parts_of(Task(dimension=8), 4, 65536)
    labels = torch.cat([part.labels.flatten().clone() for part in parts])
    # Var(y^2) = E[y^4] - d^2 = 3 d (d + 2) - d^2 for a dot product of d pairs of normals.
    error = ((3 * 8 * 10 - 64) / 65536) ** 0.5
    assert float(labels.var()) == pytest.approx(8, abs=5 * error)


@settings(deadline=None, max_examples=30)
@given(pairs=st.integers(8, 40), epochs=st.integers(1, 5), shuffle=st.booleans())
def test_every_epoch_holds_every_pair_of_the_sample_once(
    pairs: int, epochs: int, shuffle: bool
) -> None:
    task = Task(dimension=1, label_noise_std=0.3, data="fixed", pairs=pairs, shuffle=shuffle)
    steps = -(-epochs * pairs // 8)
    inputs, labels = batches(task, [5], [min(16, steps - done) for done in range(0, steps, 16)])
    drawn = torch.Generator().manual_seed(5)
    a, b = torch.randn(2, pairs, generator=drawn)
    noise = torch.randn(pairs, generator=drawn)
    sample = torch.stack([a, b, torch.ones(pairs), a * b, a * b + 0.3 * noise])
    seen = torch.cat([inputs[:, 0], labels], dim=1).transpose(0, 1).flatten(1)
    orders = torch.Generator().manual_seed(5 + 1)  # a second one, for the orders alone
    for epoch in range(epochs):
        order = torch.randperm(pairs, generator=orders) if shuffle else torch.arange(pairs)
        columns = seen[:, epoch * pairs : (epoch + 1) * pairs]
        torch.testing.assert_close(columns, sample[:, order])


def test_no_two_epochs_have_one_order() -> None:
    task = Task(dimension=1, data="fixed", pairs=40, shuffle=True)
    inputs, _ = batches(task, [5], [15])
    epochs = inputs[:, 0, 0].reshape(3, 40)
    assert len({tuple(epoch.tolist()) for epoch in epochs}) == 3


def test_the_sample_is_not_what_is_evaluated_on() -> None:
    task = Task(dimension=2, data="fixed", pairs=20, shuffle=True)
    source = source_of(task)
    assert isinstance(
        source.evaluation([4], data_seeds=[0], device=CPU, dtype=torch.float32), HeldOutPairs
    )
    (part, *_) = source.evaluation([4], data_seeds=[0], device=CPU, dtype=torch.float32).parts(8192)
    (fresh, *_) = parts_of(Task(dimension=2), 4, 8192)
    assert torch.equal(part.inputs, fresh.inputs)
