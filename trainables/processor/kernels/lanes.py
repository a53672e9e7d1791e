"""Sums over the lanes of vectors, sixteen vectors at a time."""

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
