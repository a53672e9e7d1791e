"""A fixed sample: training pairs drawn once, which every epoch goes through again.

The sample of a seed is one draw of (2 D, N) for the vectors and, only where the labels are noisy,
one `randn(N)` for the noise, as a batch of N pairs of the stream would be. The epochs' orders come
from a second generator, on the CPU, whose seed is the successor. The batches follow one another
without a gap: one may end an epoch and begin the next.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..pack import Task
from .batches import BLOCK_STEPS, Batches
from .random_vectors import Filling, RandomVectors
from .source import TrainingBatches

_SEEDS = 2**63


class FixedSample(RandomVectors):
    """See `Source`: evaluated on fresh pairs, which no sample holds."""

    def training(
        self, *, batch_size: int, device: torch.device, dtype: torch.dtype
    ) -> "SampleBatches":
        """See `Source`."""
        return SampleBatches(self._task, batch_size=batch_size, device=device, dtype=dtype)


class SampleBatches(TrainingBatches):
    """See `TrainingBatches`: the pairs of each seed's sample, epoch after epoch."""

    def __init__(
        self, task: Task, *, batch_size: int, device: torch.device, dtype: torch.dtype
    ) -> None:
        """No seeds yet; `arrange` says which."""
        self._task = task
        self._batch_size = batch_size
        self._device, self._dtype = device, dtype
        self._samples: dict[int, _Sample] = {}
        self._make_memory()

    @property
    def generators(self) -> list[torch.Generator]:
        """None: nothing is drawn any more; see `TrainingBatches`."""
        return []

    def arrange(self, seeds: Sequence[int]) -> None:
        """See `TrainingBatches`."""
        self._samples = {seed: self._samples.get(seed) or self._sample(seed) for seed in seeds}
        if len(self._samples) != self.block.labels.shape[1]:
            self._make_memory()

    def _make_memory(self) -> None:
        streams = len(self._samples)
        self.block = Batches.empty(
            BLOCK_STEPS,
            streams,
            dimension=self._task.dimension,
            size=self._batch_size,
            device=self._device,
            dtype=self._dtype,
        )
        """See `TrainingBatches`."""
        # Of the pairs in the block, each in its stream's sample.
        shape = BLOCK_STEPS, streams, self._batch_size
        self._indices = torch.zeros(shape, dtype=torch.int64, device=self._device)

    def prepare(self, steps: int) -> None:
        """Say which pairs are next; see `TrainingBatches`."""
        for stream, sample in enumerate(self._samples.values()):
            indices = sample.order.next(steps * self._batch_size)
            self._indices[:steps, stream] = indices.view(steps, self._batch_size)

    def draw(self, steps: int) -> None:
        """See `TrainingBatches`."""
        block = self.block
        for step in range(steps):
            for stream, sample in enumerate(self._samples.values()):
                indices = self._indices[step, stream]
                inputs, labels = sample.pairs.inputs[0, 0], sample.pairs.labels[0, 0]
                torch.index_select(inputs, 1, indices, out=block.inputs[step, stream])
                torch.index_select(labels, 0, indices, out=block.labels[step, stream])

    def _sample(self, seed: int) -> "_Sample":
        task = self._task
        if task.pairs is None or task.shuffle is None:
            raise ValueError(f"a fixed sample has a number of pairs and an order; got {task}")
        pairs = Batches.empty(
            1,
            1,
            dimension=task.dimension,
            size=task.pairs,
            device=self._device,
            dtype=self._dtype,
        )
        generator = torch.Generator(self._device).manual_seed(seed)
        Filling(task, pairs, task.label_noise_std).fill([generator], 1)
        order_seed = (seed + 1) % _SEEDS if task.shuffle else None
        return _Sample(pairs, _Order(task.pairs, order_seed))


class _Order:
    """The indices of the pairs, epoch after epoch: shuffled in each, or always as drawn."""

    def __init__(self, pairs: int, seed: int | None) -> None:
        self._pairs = pairs
        self._generator = None if seed is None else torch.Generator().manual_seed(seed)
        self._epoch = self._next_epoch()
        self._taken = 0

    def next(self, count: int) -> Tensor:
        """The next `count` indices."""
        parts = []
        while count:
            if self._taken == self._pairs:
                self._epoch, self._taken = self._next_epoch(), 0
            part = self._epoch[self._taken : self._taken + count]
            parts.append(part)
            self._taken += len(part)
            count -= len(part)
        return torch.cat(parts)

    def _next_epoch(self) -> Tensor:
        if self._generator is None:
            return torch.arange(self._pairs)
        return torch.randperm(self._pairs, generator=self._generator)


@dataclass(frozen=True)
class _Sample:
    pairs: Batches
    """One batch of all of them."""
    order: _Order = field(compare=False)
