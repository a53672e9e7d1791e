"""A pool: vectors of users and items that are drawn once, and pairs of them in every epoch.

What Rendle et al. 2020 ("Neural Collaborative Filtering vs. Matrix Factorization Revisited",
arXiv 2005.09683, section 4.2) train on. U users, I items, P pairs, of which the first T are trained
on and the others are test pairs. Pairs are numbers, gathered batch by batch: what is kept is
(U + I) D numbers, and for each pair its number and its noise.

The pool of a seed is one draw of (U, D), one of (I, D) and, only where the labels are noisy, one
`randn(P)` from its generator. Which pairs there are comes from one on the CPU.
"""

from collections.abc import Iterator, Mapping, Sequence
from weakref import WeakValueDictionary

import torch
from torch import Tensor

from ..pack import Task
from .batches import EVALUATION_CHUNK, EVALUATION_CHUNKS, Batches
from .epochs import EpochBatches, EpochOrder, successor
from .inputs import INPUTS
from .random_vectors import DrawVectors, Filling, RandomVectors
from .source import NoisyPairs
from .targets import TARGETS

FRESH_PAIRS = 100_000
"""Pairs of vectors that are in no pool, as many as Rendle et al. evaluate on."""


class PooledPairs(RandomVectors):
    """See `Source`: evaluated on fresh pairs, and on noisy ones of the pool and of none."""

    def __init__(self, task: Task) -> None:
        """No pool yet."""
        super().__init__(task)
        # Alive as long as someone trains on them.
        self._pools: WeakValueDictionary[int, Pool] = WeakValueDictionary()

    def training(
        self, *, batch_size: int, device: torch.device, dtype: torch.dtype
    ) -> EpochBatches:
        """See `Source`."""
        return EpochBatches(
            lambda seed: self._pool(seed, device, dtype),
            dimension=self._task.dimension,
            batch_size=batch_size,
            device=device,
            dtype=dtype,
        )

    def noisy(
        self,
        data_seeds: Sequence[int],
        evaluation_seeds: Sequence[int],
        *,
        device: torch.device,
        dtype: torch.dtype,
    ) -> Mapping[str, NoisyPairs]:
        """See `Source`."""
        pools = [self._pool(seed, device, dtype) for seed in data_seeds]
        return {
            "test": TestPairs(pools),
            "fresh": _FreshPairs(self._task, self.draw_vectors, evaluation_seeds, device, dtype),
        }

    def _pool(self, seed: int, device: torch.device, dtype: torch.dtype) -> "Pool":
        pool = self._pools.get(seed)
        if pool is None:
            pool = self._pools[seed] = Pool(self._task, seed, device, dtype)
        return pool


class Pool:
    """See `KeptPairs`: the pool of one seed."""

    def __init__(self, task: Task, seed: int, device: torch.device, dtype: torch.dtype) -> None:
        """Draw the vectors, the pairs and their noise."""
        users, items, each = (size or 0 for size in (task.users, task.items, task.pairs_per_user))
        if not (users and items and each and task.pairs):
            raise ValueError(f"a pool has users, items and pairs of them; got {task}")
        self.training, self.pairs = task.pairs, users * each
        self.dimension, self._label = task.dimension, TARGETS[task.target]
        generator = torch.Generator(device).manual_seed(seed)
        self._tables = [
            torch.empty(number, task.dimension, device=device, dtype=dtype)
            for number in (users, items)
        ]
        for table in self._tables:
            INPUTS[task.inputs](table, generator)
            table.mul_(task.scale)
        self._noise = None
        if task.label_noise_std > 0.0:
            self._noise = torch.empty(self.pairs, device=device, dtype=dtype)
            self._noise.normal_(generator=generator).mul_(task.label_noise_std)
        of_pairs = torch.Generator().manual_seed(successor(seed, 2))
        self._numbers = distinct(self.pairs, users * items, of_pairs).to(device)
        self.order = EpochOrder(task.pairs, data_seed=seed, shuffle=bool(task.shuffle))

    def put(self, indices: Tensor, inputs: Tensor, labels: Tensor) -> None:
        """See `KeptPairs`."""
        self._put_vectors(self._members(_at(self._numbers, indices)), inputs, labels)
        if self._noise is not None:
            labels.add_(_at(self._noise, indices))

    def _members(self, numbers: Tensor) -> tuple[Tensor, Tensor]:
        """The users and the items of pairs (N, B) by their numbers."""
        users = numbers.div(len(self._tables[1]), rounding_mode="floor")
        return users, numbers - users * len(self._tables[1])

    def _put_vectors(self, chosen: tuple[Tensor, Tensor], inputs: Tensor, labels: Tensor) -> None:
        """Write the vectors of pairs (N, B), their products and their labels without noise."""
        dimension = self.dimension
        a, b = inputs[:, :dimension], inputs[:, dimension : 2 * dimension]
        for table, rows, vectors in zip(self._tables, chosen, (a, b), strict=True):
            gathered = table.index_select(0, rows.flatten()).view(*rows.shape, dimension)
            vectors.copy_(gathered.transpose(1, 2))
        products = inputs[:, 2 * dimension + 1 :]
        torch.mul(a, b, out=products)
        self._label(a, b, products, labels)

    def noise(self, indices: Tensor) -> Tensor:
        """What `put` has added to the labels of these pairs."""
        if self._noise is None:
            return torch.zeros(indices.shape, device=indices.device)
        return _at(self._noise, indices)

    def empty(self, number: int, size: int, streams: int) -> Batches:
        """Memory for batches of pairs of as many pools like this one."""
        table = self._tables[0]
        return Batches.empty(
            number,
            streams,
            dimension=self.dimension,
            size=size,
            device=table.device,
            dtype=table.dtype,
        )


def _at(values: Tensor, indices: Tensor) -> Tensor:
    """`values[indices]`, in a third of the time."""
    return values.index_select(0, indices.flatten()).view(indices.shape)


def distinct(count: int, below: int, generator: torch.Generator) -> Tensor:
    """`count` different whole numbers from 0 to `below` - 1, in an order of their own.

    Every such sequence is equally likely: numbers that were drawn already are drawn anew, which
    prefers none of those that are left.
    """
    if 2 * count > below:
        return torch.randperm(below, generator=generator)[:count].clone()
    found = torch.empty(0, dtype=torch.int64)
    while len(found) < count:
        more = torch.randint(below, (count - len(found),), generator=generator)
        found = torch.cat([found, more]).unique()
    return found[torch.randperm(count, generator=generator)]


class TestPairs:
    """See `NoisyPairs`: those of each pool that are not trained on."""

    def __init__(self, pools: Sequence[Pool]) -> None:
        self._pools = pools

    def parts(self) -> Iterator[tuple[Batches, Tensor]]:
        """See `NoisyPairs`."""
        pool = self._pools[0]
        for first, number, size in _cut(pool.pairs - pool.training):
            batches = pool.empty(number, size, len(self._pools))
            start = pool.training + first
            indices = torch.arange(start, start + number * size, device=batches.labels.device)
            indices = indices.view(number, size)
            noise = torch.empty_like(batches.labels)
            for stream, each in enumerate(self._pools):
                each.put(indices, batches.inputs[:, stream], batches.labels[:, stream])
                noise[:, stream] = each.noise(indices)
            yield batches, noise


class _FreshPairs:
    """See `NoisyPairs`: a stream's, from the generator after that of the noise-free pairs."""

    def __init__(
        self,
        task: Task,
        draw_vectors: DrawVectors,
        seeds: Sequence[int],
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        self._task, self._draw_vectors, self._seeds = task, draw_vectors, seeds
        self._device, self._dtype = device, dtype

    def parts(self) -> Iterator[tuple[Batches, Tensor]]:
        """See `NoisyPairs`."""
        task = self._task
        generators = [
            torch.Generator(self._device).manual_seed(successor(seed)) for seed in self._seeds
        ]
        for _, number, size in _cut(FRESH_PAIRS):
            batches = Batches.empty(
                number,
                len(generators),
                dimension=task.dimension,
                size=size,
                device=self._device,
                dtype=self._dtype,
            )
            filling = Filling(task, self._draw_vectors, batches, task.label_noise_std)
            filling.fill(generators, number)
            yield batches, filling.noise


def _cut(pairs: int) -> Iterator[tuple[int, int, int]]:
    """Parts of so many pairs: the first pair, the number of batches and their size."""
    whole = EVALUATION_CHUNKS * EVALUATION_CHUNK
    for first in range(0, pairs - whole + 1, whole):
        yield first, EVALUATION_CHUNKS, EVALUATION_CHUNK
    if rest := pairs % whole:
        yield pairs - rest, 1, rest
