"""Batches of pairs that come again: every epoch goes through all of them.

The batches follow one another without a gap: one may end an epoch and begin the next.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor

from .batches import BLOCK_STEPS, Batches
from .source import TrainingBatches

_SEEDS = 2**63


class KeptPairs(Protocol):
    """The training pairs of one seed, and the order in which they come."""

    order: "EpochOrder"

    def put(self, indices: Tensor, inputs: Tensor, labels: Tensor) -> None:
        """Write the pairs of `indices` (N, B) into inputs (N, 3 D + 1, B) and labels (N, B)."""


class EpochBatches(TrainingBatches):
    """See `TrainingBatches`: the pairs that each seed keeps, epoch after epoch."""

    block_steps = BLOCK_STEPS
    """Batches in memory at once."""

    def __init__(
        self,
        kept: Callable[[int], KeptPairs],
        *,
        dimension: int,
        batch_size: int,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        """No seeds yet; `arrange` says which, `kept` gives the pairs of one."""
        self._kept = kept
        self._dimension, self._batch_size = dimension, batch_size
        self._device, self._dtype = device, dtype
        self._streams: dict[int, KeptPairs] = {}
        self._make_memory()

    @property
    def generators(self) -> list[torch.Generator]:
        """None: nothing is drawn any more; see `TrainingBatches`."""
        return []

    def arrange(self, seeds: Sequence[int]) -> None:
        """See `TrainingBatches`."""
        self._streams = {seed: self._streams.get(seed) or self._kept(seed) for seed in seeds}
        if len(self._streams) != self.block.labels.shape[1]:
            self._make_memory()

    def state(self) -> list[Tensor]:
        """See `TrainingBatches`."""
        return [part for kept in self._streams.values() for part in kept.order.state()]

    def restore(self, state: Sequence[Tensor]) -> None:
        """See `TrainingBatches`."""
        parts = iter(state)
        for kept in self._streams.values():
            kept.order.restore(next(parts), next(parts))

    def _make_memory(self) -> None:
        streams = len(self._streams)
        self.block = self._memory(self.block_steps, streams)
        """See `TrainingBatches`."""
        # Of the pairs in the block, each among those of its stream.
        shape = self.block_steps, streams, self._batch_size
        self._indices = torch.zeros(shape, dtype=torch.int64, device=self._device)

    def _memory(self, number: int, streams: int) -> Batches:
        """For so many batches of pairs of vectors; of another kind of pairs what they need."""
        return Batches.empty(
            number,
            streams,
            dimension=self._dimension,
            size=self._batch_size,
            device=self._device,
            dtype=self._dtype,
        )

    def prepare(self, steps: int) -> None:
        """Say which pairs are next; see `TrainingBatches`."""
        for stream, kept in enumerate(self._streams.values()):
            indices = kept.order.next(steps * self._batch_size)
            self._indices[:steps, stream] = indices.view(steps, self._batch_size)

    def draw(self, steps: int) -> None:
        """See `TrainingBatches`."""
        inputs, labels = self.block.inputs[:steps], self.block.labels[:steps]
        for stream, kept in enumerate(self._streams.values()):
            kept.put(self._indices[:steps, stream], inputs[:, stream], labels[:, stream])


class EpochOrder:
    """The indices of the pairs, epoch after epoch: shuffled in each, or always as they are.

    The orders come from a generator of their own, on the CPU, whose seed is the successor of that
    of the pairs.
    """

    def __init__(self, pairs: int, *, data_seed: int, shuffle: bool) -> None:
        """The orders of so many pairs."""
        self._pairs = pairs
        # Half the memory of what indexes tensors, where numbers of this size suffice.
        self._dtype = torch.int32 if pairs <= torch.iinfo(torch.int32).max else torch.int64
        self._generator = torch.Generator().manual_seed(successor(data_seed)) if shuffle else None
        self._epoch = self._next_epoch()
        self._taken = 0

    def next(self, count: int) -> Tensor:
        """The next `count` indices."""
        parts = []
        while count:
            if self._taken == self._pairs:
                del self._epoch  # first: there is never memory for two
                self._epoch, self._taken = self._next_epoch(), 0
            part = self._epoch[self._taken : self._taken + count].long()
            parts.append(part)
            self._taken += len(part)
            count -= len(part)
        return torch.cat(parts)

    def state(self) -> tuple[Tensor, Tensor]:
        """The generator's before it gave this epoch's order, and how much of that is taken."""
        return self._before, torch.tensor(self._taken)

    def restore(self, before: Tensor, taken: Tensor) -> None:
        """Go on where an order of as many pairs was."""
        if self._generator is not None:
            self._generator.set_state(before)
        self._epoch = self._next_epoch()
        self._taken = int(taken)

    def _next_epoch(self) -> Tensor:
        if self._generator is None:
            self._before = torch.empty(0, dtype=torch.uint8)
            return torch.arange(self._pairs, dtype=self._dtype)
        self._before = self._generator.get_state()
        return torch.randperm(self._pairs, generator=self._generator, dtype=self._dtype)


def successor(seed: int, places: int = 1) -> int:
    """The seed of a second generator beside that of `seed`, or of a third."""
    return (seed + places) % _SEEDS
