"""A user's own ratings: pairs of users and items by their rows, as `planted.py` has them.

What is to be learned is what was rated: the labels are the ratings, minus the mean of those to
train on. Nothing is drawn but the order of the training pairs in each epoch, and no truth is known
that they could be held against. A table is read once in a process, whoever asks for its ratings.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, lru_cache

import torch
from torch import Tensor

from spaces.vocabulary import embedding_rows

from ..pack import Task
from ..ratings import (
    RankedUsers,
    SplitRatings,
    TableError,
    TableReference,
    read_ratings,
    split_ratings,
)
from .batches import EVALUATION_CHUNK, EVALUATION_CHUNKS, Batches
from .epochs import EpochOrder
from .planted import RowBatches, row_batches
from .source import NoisyPairs


class RatedTable:
    """See `RatedSource`: evaluated on all ratings that are held out to choose by."""

    def __init__(self, task: Task) -> None:
        """Read the task's table.

        Raises TableError where that can't be done, or the table is no longer what it was.
        """
        self._task = task
        self._ratings = _ratings(_reference(task), task.split_seed, task.fingerprint)
        self._pairs: dict[torch.dtype, _Pairs] = {}

    def training(self, *, batch_size: int, device: torch.device, dtype: torch.dtype) -> RowBatches:
        """See `Source`."""
        pairs, task = self._of(dtype), self._task
        return RowBatches(
            lambda seed: _TrainingPairs(pairs, task, seed),
            dimension=0,
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
    ) -> "HeldOutRatings":
        """See `Source`: one stream for all, as nothing depends on the seeds."""
        sizes = self._ratings.sizes
        return HeldOutRatings(
            self._of(dtype), first=sizes.training, count=sizes.valid, shape=(1, sizes.chunk)
        )

    def noisy(
        self,
        data_seeds: Sequence[int],
        evaluation_seeds: Sequence[int],
        *,
        device: torch.device,
        dtype: torch.dtype,
    ) -> Mapping[str, NoisyPairs]:
        """None, as nobody knows the noise; see `Source`."""
        return {}

    def mean(self) -> float:
        """See `RatedSource`."""
        return self._ratings.mean

    def test(self, *, dtype: torch.dtype) -> "list[HeldOutRatings]":
        """See `RatedSource`: those in whole parts, and what is left over."""
        sizes, pairs = self._ratings.sizes, self._of(dtype)
        first = sizes.training + sizes.valid
        rest = sizes.test % (EVALUATION_CHUNKS * EVALUATION_CHUNK)
        whole = sizes.test - rest
        parts = [
            (first, whole, (EVALUATION_CHUNKS, EVALUATION_CHUNK)),
            (first + whole, rest, (1, rest)),
        ]
        return [
            HeldOutRatings(pairs, first=start, count=count, shape=shape)
            for start, count, shape in parts
            if count
        ]

    def ranked(self) -> RankedUsers | None:
        """See `RatedSource`."""
        return self._ranked if self._task.ranking else None

    @cached_property
    def _ranked(self) -> RankedUsers:
        return RankedUsers(self._ratings, split_seed=self._task.split_seed)

    def every_pair(self, users: Tensor, items: Tensor, *, size: int) -> Tensor:
        """See `RatedSource`."""
        inputs = torch.zeros(len(users), 1, 2, size, dtype=torch.int64)
        inputs[:, 0, 0] = users[:, None]
        inputs[:, 0, 1, : len(items)] = items
        inputs[:, 0, 1] += embedding_rows(self._task.data, self._ratings.user_count)
        return inputs

    def _of(self, dtype: torch.dtype) -> "_Pairs":
        if dtype not in self._pairs:
            self._pairs[dtype] = _Pairs(self._ratings, self._task, dtype)
        return self._pairs[dtype]


def _reference(task: Task) -> TableReference:
    names = {"user": task.user, "item": task.item, "rating": task.rating}
    given = {name: value for name, value in names.items() if value is not None}
    return TableReference(table=task.table or "", timestamp=task.timestamp, **given)


@lru_cache(maxsize=1)
def _ratings(
    reference: TableReference, split_seed: int | None, fingerprint: str | None
) -> SplitRatings:
    table = read_ratings(reference)
    if table.fingerprint != fingerprint:
        raise TableError(
            f"must hold what it held when the search began; {reference.table} has the fingerprint "
            f"{table.fingerprint[:12]}, and had {str(fingerprint)[:12]}; put that file back, or "
            "begin a search of its own"
        )
    return split_ratings(table, split_seed=split_seed, chunk=EVALUATION_CHUNK)


class _Pairs:
    """All pairs by their rows, each with its rating, from the mean."""

    def __init__(self, ratings: SplitRatings, task: Task, dtype: torch.dtype) -> None:
        self._rows = [torch.from_numpy(rows) for rows in (ratings.users, ratings.items)]
        self._labels = torch.from_numpy(ratings.ratings - ratings.mean).to(dtype)
        self._below = embedding_rows(task.data, ratings.user_count)

    def put(self, indices: Tensor, inputs: Tensor, labels: Tensor) -> None:
        """Write the pairs of `indices` (N, B) into inputs (N, 2, B) and labels (N, B)."""
        flat, shape = indices.flatten(), indices.shape
        for place, rows in enumerate(self._rows):
            inputs[:, place] = rows.index_select(0, flat).view(shape)
        inputs[:, 1] += self._below
        labels.copy_(self._labels.index_select(0, flat).view(shape))

    def empty(self, number: int, size: int) -> Batches:
        """Memory for batches of one stream."""
        return row_batches(number, 1, size, like=self._labels)


class _TrainingPairs:
    """See `KeptPairs`: those of the table, in the order of one seed."""

    def __init__(self, pairs: _Pairs, task: Task, seed: int) -> None:
        self._pairs = pairs
        self.order = EpochOrder(task.pairs or 0, data_seed=seed, shuffle=bool(task.shuffle))

    def put(self, indices: Tensor, inputs: Tensor, labels: Tensor) -> None:
        """See `KeptPairs`."""
        self._pairs.put(indices, inputs, labels)


class HeldOutRatings:
    """See `EvaluationPairs`: so many ratings, in the order of the split."""

    def __init__(self, pairs: _Pairs, *, first: int, count: int, shape: tuple[int, int]) -> None:
        """`count` ratings from the first one on, in batches of this shape (N, B)."""
        self._pairs, self._first, self._shape = pairs, first, shape
        self.count = count
        self.batches = pairs.empty(*shape)
        """See `EvaluationPairs`."""

    def parts(self, pairs: int) -> Iterator[Batches]:
        """All of them, however many are asked for; see `EvaluationPairs`."""
        inputs, labels = self.batches.inputs[:, 0], self.batches.labels[:, 0]
        ends = torch.arange(self._first, self._first + self.count)
        for indices in ends.split(self._shape[0] * self._shape[1]):
            self._pairs.put(indices.view(self._shape), inputs, labels)
            yield self.batches
