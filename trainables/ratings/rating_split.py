"""A table of ratings, split: eight tenths to train on, one to choose by, one to test on.

Rows of embeddings come from the training ratings alone: row 0 of a table is for every user, or
item, that is not among them (fast.ai's `#na#`); the others follow in the order in which they come.
"""

from dataclasses import dataclass

import numpy
import numpy.typing as npt

from .rating_file import TableError
from .rating_table import Floats, Integers, RatingTable

SHARE = 10
"""One rating in so many is held out to choose by, and one to test on."""
FEWEST = 2 * SHARE
"""Ratings of a table: a variance takes two that are held out."""


@dataclass(frozen=True, kw_only=True)
class SplitSizes:
    """How many of a table's ratings are for what.

    The held-out ones to choose by are evaluated in equal chunks of at most `chunk`: what doesn't go
    into these, less than one of each chunk's pairs in all, is trained on.

    >>> SplitSizes.of(100_000, chunk=1024)
    SplitSizes(training=80000, valid=10000, test=10000, chunk=1000)
    """

    training: int
    valid: int
    test: int
    chunk: int

    @classmethod
    def of(cls, ratings: int, *, chunk: int) -> "SplitSizes":
        """Of so many ratings. Raises TableError where these are too few."""
        if ratings < FEWEST:
            raise TableError(
                f"must hold at least {FEWEST} ratings, of which a tenth is held out to choose by "
                f"and a tenth to test on; got {ratings}"
            )
        test = ratings // SHARE
        chunks = -(-test // chunk)
        size = test // chunks
        valid = chunks * size
        return cls(training=ratings - valid - test, valid=valid, test=test, chunk=size)


@dataclass(frozen=True, kw_only=True, eq=False)
class SplitRatings:
    """The ratings of a table: first the T to train on, then the V to choose by, then the others.

    Attributes:
        users: (N,) the rows of the users, from 0 to `user_count`.
        items: (N,) likewise.
        ratings: (N,).
        user_count: The users in the training ratings.
        item_count: The items in them.
        mean: Of the training ratings: what a model learns is how far a rating is from it, so that a
            pair of which nothing is known is given about the mean.
    """

    users: Integers
    items: Integers
    ratings: Floats
    user_count: int
    item_count: int
    mean: float
    sizes: SplitSizes


def split_ratings(table: RatingTable, *, split_seed: int | None, chunk: int) -> SplitRatings:
    """Split by time where the table has times, the oldest to train on; else at random.

    Ratings of the same time stay in the order of the file; so do, at random, those of each part.

    Raises TableError where there are too few, or those to choose by are all alike.
    """
    import torch  # not for who asks for a table's errors alone

    sizes = SplitSizes.of(len(table), chunk=chunk)
    if table.timestamps is not None:
        order = numpy.argsort(table.timestamps, kind="stable")
    else:
        generator = torch.Generator().manual_seed(split_seed or 0)
        order = torch.randperm(len(table), generator=generator).numpy()
        ends = [sizes.training, sizes.training + sizes.valid]
        order = numpy.concatenate([numpy.sort(part) for part in numpy.split(order, ends)])
    ratings = table.ratings[order]
    valid = ratings[sizes.training : sizes.training + sizes.valid]
    if (valid == valid[0]).all():
        raise TableError(
            f"must hold ratings that differ; the {sizes.valid:,} that are held out to choose by "
            f"are all {valid[0]:g}"
        )
    users, user_count = _rows(table.users[order], sizes.training)
    items, item_count = _rows(table.items[order], sizes.training)
    return SplitRatings(
        users=users,
        items=items,
        ratings=ratings,
        user_count=user_count,
        item_count=item_count,
        mean=float(ratings[: sizes.training].mean()),
        sizes=sizes,
    )


def _rows(codes: Integers, training: int) -> tuple[Integers, int]:
    """The rows of an embedding (N,), and how many there are beside row 0."""
    known, first = numpy.unique(codes[:training], return_index=True)
    rows: npt.NDArray[numpy.int32] = numpy.zeros(int(codes.max()) + 1, dtype=numpy.int32)
    rows[known[numpy.argsort(first)]] = numpy.arange(1, len(known) + 1, dtype=numpy.int32)
    return rows[codes], len(known)
