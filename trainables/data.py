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


class _Stream:
    def __init__(self, task: Task, seed: int, device: torch.device) -> None:
        self._task = task
        self._generator = torch.Generator(device).manual_seed(seed)

    def fill(self, inputs: Tensor, labels: Tensor, label_noise_std: float) -> None:
        dimension = self._task.dimension
        vectors = inputs[: 2 * dimension]
        torch.randn(vectors.shape, generator=self._generator, out=vectors)
        if self._task.scale != 1.0:
            vectors.mul_(self._task.scale)
        products = inputs[2 * dimension + 1 :]
        torch.mul(inputs[:dimension], inputs[dimension : 2 * dimension], out=products)
        torch.sum(products, 0, out=labels)
        if label_noise_std > 0.0:
            noise = torch.randn(
                labels.shape, generator=self._generator, device=labels.device, dtype=labels.dtype
            )
            labels.add_(noise, alpha=label_noise_std)


def _empty_batch(
    streams: int, dimension: int, size: int, device: torch.device, dtype: torch.dtype
) -> Batch:
    inputs = torch.ones(streams, 3 * dimension + 1, size, device=device, dtype=dtype)
    return Batch(inputs, torch.empty(streams, size, device=device, dtype=dtype))


class TrainingStream:
    """Training batches of one or several seeds, in the order of the steps."""

    def __init__(
        self, task: Task, *, batch_size: int, device: torch.device, dtype: torch.dtype
    ) -> None:
        """A stream of no seeds yet; `arrange` says which."""
        self._task = task
        self._batch_size = batch_size
        self._device, self._dtype = device, dtype
        self._streams: dict[int, _Stream] = {}
        self._block: list[Batch] = []

    def arrange(self, seeds: Sequence[int]) -> None:
        """From now on give the batches of `seeds`, in this order.

        New seeds start with their first batch; all must therefore be named before the first step.
        """
        self._streams = {
            seed: self._streams.get(seed) or _Stream(self._task, seed, self._device)
            for seed in seeds
        }
        shape = (len(self._streams), self._task.dimension, self._batch_size)
        self._block = [_empty_batch(*shape, self._device, self._dtype) for _ in range(BLOCK_STEPS)]

    def next_block(self, steps: int) -> list[Batch]:
        """The next `steps` batches, at most BLOCK_STEPS; the next call overwrites them."""
        block = self._block[:steps]
        for batch in block:
            for stream, inputs, labels in zip(
                self._streams.values(), batch.inputs, batch.labels, strict=True
            ):
                stream.fill(inputs, labels, self._task.label_noise_std)
        return block


def evaluation_chunks(
    task: Task,
    seeds: Sequence[int],
    pairs: int,
    *,
    device: torch.device,
    dtype: torch.dtype,
) -> Iterator[Batch]:
    """`pairs` noise-free pairs of every seed, EVALUATION_CHUNK at a time.

    The chunks share one buffer: use each before taking the next.
    """
    streams = [_Stream(task, seed, device) for seed in seeds]
    batch = _empty_batch(len(seeds), task.dimension, EVALUATION_CHUNK, device, dtype)
    for _ in range(pairs // EVALUATION_CHUNK):
        for stream, inputs, labels in zip(streams, batch.inputs, batch.labels, strict=True):
            stream.fill(inputs, labels, 0.0)
        yield batch
