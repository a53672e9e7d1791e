"""Sums over the lanes of vectors, and their exchange, sixteen vectors at a time."""

from collections.abc import Sequence

from .code import Code, Value
from .registers import LANES

# Each stage adds two shuffles of a pair of vectors, which halves the lanes left to add up of each
# and leaves the sums of both side by side. The lanes that meet are those that one instruction
# brings together: 0 and 2, then 0 and 1 of each four, then the fours 0 and 2, then 0 and 1.
_FOURS = range(0, LANES, 4)
_STAGES = (
    (
        [lane for four in _FOURS for lane in (four, LANES + four, four + 1, LANES + four + 1)],
        [lane + 2 for four in _FOURS for lane in (four, LANES + four, four + 1, LANES + four + 1)],
    ),
    (
        [lane for four in _FOURS for lane in (four, four + 1, LANES + four, LANES + four + 1)],
        [lane + 2 for four in _FOURS for lane in (four, four + 1, LANES + four, LANES + four + 1)],
    ),
    ([*range(8), *range(LANES, LANES + 8)], [*range(8, LANES), *range(LANES + 8, 2 * LANES)]),
    (
        [*range(4), *range(8, 12), *range(LANES, LANES + 4), *range(LANES + 8, LANES + 12)],
        [*range(4, 8), *range(12, 16), *range(LANES + 4, LANES + 8), *range(LANES + 12, 32)],
    ),
)


def lane_sums(code: Code, vectors: Sequence[Value]) -> Value:
    """A vector with the sum over the lanes of `vectors[i]`, at most LANES of them, in lane i.

    The order of each sum is the same for any number of vectors.
    """
    zeros = code.lift(0.0, vectors[0].type)
    level = [*vectors, *[zeros] * (LANES - len(vectors))]
    for low, high in _STAGES:
        level = [
            code.shuffle(left, right, low) + code.shuffle(left, right, high)
            for left, right in zip(level[::2], level[1::2], strict=True)
        ]
    return level[0]


def transposed(code: Code, vectors: Sequence[Value]) -> list[Value]:
    """LANES vectors, whose lane i holds the lanes i of all of `vectors` in their order."""
    level = [*vectors]
    for distance in (8, 4, 2, 1):
        # Squares of so many vectors and lanes change places with those across the diagonal.
        low = [i if not i & distance else LANES + i - distance for i in range(LANES)]
        high = [i + distance if not i & distance else LANES + i for i in range(LANES)]
        for upper in range(LANES):
            if not upper & distance:
                pair = level[upper], level[upper + distance]
                level[upper] = code.shuffle(*pair, low)
                level[upper + distance] = code.shuffle(*pair, high)
    return level
