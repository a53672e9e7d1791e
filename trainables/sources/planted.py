"""A planted problem: pairs of users and items by number, whose ratings are dot products and noise.

The vectors are those of a pool (`pool.py`), but nobody is shown them: a model learns an embedding
of each. What is right is known all the same, and that is what held-out pairs are judged by.

The held-out pairs of a seed are drawn from its generator on the CPU, a chunk at a time: which of
the pairs that are in no pool of that data they are.
"""

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

from ..pack import Task
from .batches import EVALUATION_CHUNK, EVALUATION_CHUNKS, ROW_BLOCK_STEPS, Batches
from .epochs import EpochBatches
from .pool import Pool, PooledPairs, TestPairs
from .source import EvaluationPairs, NoisyPairs


class PlantedRatings(PooledPairs):
    """See `Source`: batches of the rows of users and items, with their ratings.

    Of a batch's `inputs` (N, S, 2, B), whole numbers, the first row holds rows of users in a table
    of both, the second those of items, which lie below. Evaluated on noise-free ratings of pairs
    that are neither trained on nor test pairs, and on the noisy test pairs.
    """

    def training(
        self, *, batch_size: int, device: torch.device, dtype: torch.dtype
    ) -> EpochBatches:
        """See `Source`."""
        return RowBatches(
            lambda seed: self.rated(seed, device, dtype),
            dimension=self._task.dimension,
            batch_size=batch_size,
            device=device,
            dtype=dtype,
        )

    def evaluation(
        self,
        seeds: Sequence[int],
        *,
        data_seeds: Sequence[int],
        device: torch.device,
        dtype: torch.dtype,
    ) -> EvaluationPairs:
        """See `Source`."""
        streams = max(len(seeds), len(data_seeds))
        pools = [self.rated(seed, device, dtype) for seed in data_seeds]
        return UnratedPairs(pools * (streams // len(pools)), [*seeds] * (streams // len(seeds)))

    def noisy(
        self,
        data_seeds: Sequence[int],
        evaluation_seeds: Sequence[int],
        *,
        device: torch.device,
        dtype: torch.dtype,
    ) -> Mapping[str, NoisyPairs]:
        """See `Source`."""
        return {"test": TestPairs([self.rated(seed, device, dtype) for seed in data_seeds])}

    def rated(self, seed: int, device: torch.device, dtype: torch.dtype) -> "RatedPool":
        """The pool of a seed."""
        pool = self._pools.get(seed)
        if not isinstance(pool, RatedPool):
            pool = self._pools[seed] = RatedPool(self._task, seed, device, dtype)
        return pool


class RatedPool(Pool):
    """See `KeptPairs`: pairs by their rows, which only the labels know the vectors of."""

    def __init__(self, task: Task, seed: int, device: torch.device, dtype: torch.dtype) -> None:
        super().__init__(task, seed, device, dtype)
        self.users = len(self._tables[0])
        self.unrated = self.users * len(self._tables[1]) - self.pairs
        # Of each rated pair, how many unrated ones have a lower number.
        rated = self._numbers.sort().values
        self._unrated_below = rated - torch.arange(self.pairs, device=device)

    def put_unrated(self, ranks: Tensor, inputs: Tensor, labels: Tensor) -> None:
        """Write pairs that are in no pool, by their ranks (N, B) among all of them."""
        below = torch.searchsorted(self._unrated_below, ranks, right=True)
        self.put_numbered(ranks + below, inputs, labels)

    def put_numbered(self, numbers: Tensor, inputs: Tensor, labels: Tensor) -> None:
        """Write pairs without noise, by their numbers (N, B) among those of all users and items."""
        self._put_vectors(self._members(numbers), inputs, labels)

    def empty(self, number: int, size: int, streams: int) -> Batches:
        """See `Pool`."""
        return row_batches(number, streams, size, like=self._tables[0])

    def _put_vectors(self, chosen: tuple[Tensor, Tensor], inputs: Tensor, labels: Tensor) -> None:
        users, items = chosen
        inputs[:, 0], inputs[:, 1] = users, items + self.users
        a, b = (
            table.index_select(0, rows.flatten()).view(*rows.shape, -1).transpose(1, 2)
            for table, rows in zip(self._tables, chosen, strict=True)
        )
        self._label(a, b, a * b, labels)


class RowBatches(EpochBatches):
    """See `EpochBatches`: of pairs by their rows."""

    block_steps = ROW_BLOCK_STEPS

    def _memory(self, number: int, streams: int) -> Batches:
        return row_batches(
            number, streams, self._batch_size, like=torch.empty(0, dtype=self._dtype)
        )


def row_batches(number: int, streams: int, size: int, *, like: Tensor) -> Batches:
    """Memory for batches of pairs by their rows, with labels of the kind of a tensor."""
    inputs = torch.zeros(number, streams, 2, size, dtype=torch.int64, device=like.device)
    return Batches(inputs, torch.zeros_like(inputs[:, :, 0], dtype=like.dtype))


class UnratedPairs:
    """See `EvaluationPairs`: the same pairs of the same pools whenever they are asked for."""

    def __init__(self, pools: Sequence[RatedPool], seeds: Sequence[int]) -> None:
        """A pool and a seed for each stream."""
        self._pools, self._seeds = pools, seeds
        self.batches = pools[0].empty(EVALUATION_CHUNKS, EVALUATION_CHUNK, len(pools))
        """See `EvaluationPairs`."""

    def parts(self, pairs: int) -> Iterator[Batches]:
        """See `EvaluationPairs`."""
        generators = [torch.Generator().manual_seed(seed) for seed in self._seeds]
        inputs, labels = self.batches.inputs, self.batches.labels
        for _ in range(pairs // (EVALUATION_CHUNK * EVALUATION_CHUNKS)):
            for stream, pool in enumerate(self._pools):
                shape = EVALUATION_CHUNKS, EVALUATION_CHUNK
                ranks = torch.randint(pool.unrated, shape, generator=generators[stream])
                pool.put_unrated(ranks.to(labels.device), inputs[:, stream], labels[:, stream])
            yield self.batches
