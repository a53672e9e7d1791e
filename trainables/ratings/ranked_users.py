"""Whose items a model ranks: users of a split table, with the items that are right for each."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy
import numpy.typing as npt

from .rating_split import SplitRatings
from .rating_table import Integers

MOST_USERS = 1_000
"""Of more than so many users so many are taken."""

Marks = npt.NDArray[numpy.bool_]


@dataclass(frozen=True, kw_only=True, eq=False)
class UserItems:
    """Which of the I items each of n users may be shown, and which of these are right.

    Attributes:
        users: (n,) their rows.
        candidates: (n, I) whether an item, known from training, is neither among a user's training
            ratings nor among those to choose by.
        relevant: (n, I) whether it is among the user's test ratings, however it was rated.
    """

    users: Integers
    candidates: Marks
    relevant: Marks


class RankedUsers:
    """The users of a split table who have test ratings of items known from training."""

    def __init__(self, ratings: SplitRatings, *, split_seed: int | None) -> None:
        """Those who are known from training themselves; of too many `MOST_USERS`, at random.

        `split_seed` draws them: 0 where the table is split by time.
        """
        known = (ratings.users > 0) & (ratings.items > 0)
        first = ratings.sizes.training + ratings.sizes.valid
        self.users = numpy.unique(ratings.users[first:][known[first:]])
        """(U,) their rows, ascending."""
        if len(self.users) > MOST_USERS:
            self.users = self.users[_drawn(len(self.users), split_seed or 0)]
        self.item_count = ratings.item_count
        """The items to be ranked have the rows from 1 to this."""
        places = numpy.full(ratings.user_count + 1, -1, dtype=numpy.int32)
        places[self.users] = numpy.arange(len(self.users), dtype=numpy.int32)
        known &= places[ratings.users] >= 0
        self._rated, self._tested = (
            _sorted_pairs(
                places[ratings.users[part][known[part]]], ratings.items[part][known[part]]
            )
            for part in (slice(None, first), slice(first, None))
        )

    def parts(self, most: int) -> Iterator[UserItems]:
        """All of them, at most so many at a time."""
        for first in range(0, len(self.users), most):
            users = self.users[first : first + most]
            rated, relevant = (
                self._marks(pairs, first, len(users)) for pairs in (self._rated, self._tested)
            )
            yield UserItems(users=users, candidates=~rated, relevant=relevant)

    def _marks(self, pairs: tuple[Integers, Integers], first: int, count: int) -> Marks:
        """(count, I), of the pairs of users from the first one on."""
        places, items = pairs
        span = slice(*numpy.searchsorted(places, [first, first + count]))
        marks = numpy.zeros((count, self.item_count), dtype=numpy.bool_)
        marks[places[span] - first, items[span] - 1] = True
        return marks


def _drawn(count: int, seed: int) -> npt.NDArray[numpy.int64]:
    """`MOST_USERS` of so many, ascending."""
    import torch  # not for who asks for a table's errors alone

    drawn: npt.NDArray[numpy.int64] = torch.randperm(
        count, generator=torch.Generator().manual_seed(seed)
    ).numpy()
    return numpy.sort(drawn[:MOST_USERS])


def _sorted_pairs(places: Integers, items: Integers) -> tuple[Integers, Integers]:
    """Of each pair the user's place and the item's row, by ascending places."""
    order = numpy.argsort(places, kind="stable")
    return places[order], items[order]
