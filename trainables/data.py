"""The streams of random vector pairs: training batches and evaluation pairs.

Shapes: B pairs in a batch, D the dimension. Batches are feature-major, one pair a column:
`inputs` (3 D + 1, B) holds the rows [a; b; 1; a * b], so that the inputs of a network without
the multiplication input are the first 2 D + 1 rows; the row of ones multiplies the bias.

A stream is defined by its seed and its device's kind: step by step one `randn(2 D, B)` for the
inputs and, only where the labels are noisy, one `randn(B)` for the noise, from one generator.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .pack import Task

BLOCK_STEPS = 16
"""Batches drawn ahead, so that a stack takes several steps while its weights are in the cache."""
EVALUATION_CHUNK = 1024
"""Pairs drawn at once for an evaluation: part of the definition of the evaluation pairs."""
SELECTION_PAIRS = 65_536
"""Pairs of an evaluation at the last step."""
RUNG_PAIRS = 8_192
"""Pairs of an evaluation at a rung: the first of the selection pairs."""


@dataclass(frozen=True)
class Batch:
    """Inputs (S, 3 D + 1, B) and labels (S, B) of S streams: one for all members, or one each."""

    inputs: Tensor
    labels: Tensor


class _Pairs:
    """Where the pairs of one stream go: views of one batch, made once."""

    def __init__(self, task: Task, inputs: Tensor, labels: Tensor) -> None:
        dimension = task.dimension
        self._scale = task.scale
        self._vectors = inputs[: 2 * dimension]
        self._a, self._b = inputs[:dimension], inputs[dimension : 2 * dimension]
        self._products = inputs[2 * dimension + 1 :]
        self._labels = labels

    def fill(self, generator: torch.Generator, label_noise_std: float) -> None:
        """Draw the pairs and compute their labels."""
        self._vectors.normal_(generator=generator)
        if self._scale != 1.0:
            self._vectors.mul_(self._scale)
        torch.mul(self._a, self._b, out=self._products)
        torch.sum(self._products, 0, out=self._labels)
        if label_noise_std > 0.0:
            noise = torch.empty_like(self._labels).normal_(generator=generator)
            self._labels.add_(noise, alpha=label_noise_std)


def _empty_batch(
    streams: int, dimension: int, size: int, device: torch.device, dtype: torch.dtype
) -> Batch:
    inputs = torch.ones(streams, 3 * dimension + 1, size, device=device, dtype=dtype)
    return Batch(inputs, torch.empty(streams, size, device=device, dtype=dtype))


def _pairs_of(task: Task, batch: Batch) -> list[_Pairs]:
    return [
        _Pairs(task, inputs, labels)
        for inputs, labels in zip(batch.inputs, batch.labels, strict=True)
    ]


class TrainingStream:
    """Training batches of one or several seeds, in the order of the steps."""

    def __init__(
        self, task: Task, *, batch_size: int, device: torch.device, dtype: torch.dtype
    ) -> None:
        """A stream of no seeds yet; `arrange` says which."""
        self._task = task
        self._batch_size = batch_size
        self._device, self._dtype = device, dtype
        self._generators: dict[int, torch.Generator] = {}
        self._pairs: list[list[_Pairs]] = []
        self.block: tuple[Batch, ...] = ()
        """BLOCK_STEPS batches; `fill` overwrites them."""

    @property
    def generators(self) -> list[torch.Generator]:
        """The generators that `fill` draws from."""
        return list(self._generators.values())

    def arrange(self, seeds: Sequence[int]) -> None:
        """From now on give the batches of `seeds`, in this order, each once.

        New seeds start with their first batch; all must therefore be named before the first step.
        """
        self._generators = {
            seed: self._generators.get(seed) or torch.Generator(self._device).manual_seed(seed)
            for seed in seeds
        }
        shape = (len(self._generators), self._task.dimension, self._batch_size)
        self.block = tuple(
            _empty_batch(*shape, self._device, self._dtype) for _ in range(BLOCK_STEPS)
        )
        self._pairs = [_pairs_of(self._task, batch) for batch in self.block]

    def fill(self, steps: int) -> None:
        """Draw the next `steps` batches, at most BLOCK_STEPS, into the first of `block`."""
        generators, noise = self._generators.values(), self._task.label_noise_std
        for streams in self._pairs[:steps]:
            for generator, pairs in zip(generators, streams, strict=True):
                pairs.fill(generator, noise)


class EvaluationPairs:
    """Noise-free pairs of every seed, EVALUATION_CHUNK at a time."""

    def __init__(
        self, task: Task, seeds: Sequence[int], *, device: torch.device, dtype: torch.dtype
    ) -> None:
        """Make the buffer of a chunk; `seeds` has one entry a stream."""
        self._task, self._seeds, self._device = task, seeds, device
        self.batch = _empty_batch(len(seeds), task.dimension, EVALUATION_CHUNK, device, dtype)
        """The chunk at hand; the next one overwrites it."""

    def chunks(self, pairs: int) -> Iterator[Batch]:
        """The first `pairs` pairs from the start, as `batch` with chunk after chunk in it."""
        generators = [torch.Generator(self._device).manual_seed(seed) for seed in self._seeds]
        streams = _pairs_of(self._task, self.batch)
        for _ in range(pairs // EVALUATION_CHUNK):
            for generator, stream in zip(generators, streams, strict=True):
                stream.fill(generator, 0.0)
            yield self.batch
