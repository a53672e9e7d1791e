"""How many pairs a pool has, and which of them are for training."""

from collections.abc import Sequence

from .faults import Fault

_TEST_SHARE = 10
"""One pair in so many is a test pair: Rendle et al. 2020 (arXiv 2005.09683) train on 90%."""


def training_pairs(users: int, pairs_per_user: int) -> int:
    """Those of all pairs of a pool that are trained on.

    >>> training_pairs(4000, 100)
    360000
    """
    pairs = users * pairs_per_user
    return pairs - pairs // _TEST_SHARE


def pool_faults(
    *, users: Sequence[int], items: Sequence[int], pairs_per_user: Sequence[int]
) -> list[Fault]:
    """The faults of pools of these sizes: no pair comes twice, and one must be left to test."""
    if not users or not pairs_per_user:
        return []
    most, fewest = max(pairs_per_user), min(items or users)
    if most > fewest:
        rule = f"must not exceed the fewest items ({fewest}): no pair of a pool comes twice"
        next_step = f"write {fewest}, or more items"
        return [Fault(path=("pairs_per_user",), rule=rule, got=most, next_step=next_step)]
    pairs = min(users) * min(pairs_per_user)
    if pairs < _TEST_SHARE:
        rule = f"must give at least {_TEST_SHARE} pairs, of which one is a test pair; {pairs} here"
        next_step = f"write {-(-_TEST_SHARE // min(users))}, or more users"
        return [Fault(path=("pairs_per_user",), rule=rule, got=most, next_step=next_step)]
    return []
