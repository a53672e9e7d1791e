"""How fused kernels are run, by measurements on a GPU (benchmarks/RESULTS.md).

By a member's shape alone, never by a search when it runs: another choice may round otherwise.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Launch:
    """The pairs of a slice, the warps of a thread block, and how products are computed.

    "ieee" products are fused multiply-adds in float32. "tf32x3" takes three of TF32 for each, on
    tensor cores, with the rounding errors of float32. For more than `most_inputs`, padded, the
    shared memory of a multiprocessor doesn't suffice.
    """

    slice: int
    warps: int
    precision: str = "tf32x3"
    most_inputs: int = 64


LAUNCHES: Mapping[tuple[int, int], Launch] = {
    (16, 0): Launch(slice=32, warps=1),
    (32, 0): Launch(slice=32, warps=1),
    (64, 0): Launch(slice=32, warps=2),
    (16, 1): Launch(slice=32, warps=1),
    (16, 2): Launch(slice=32, warps=1),
    (16, 3): Launch(slice=32, warps=1),
    (16, 4): Launch(slice=32, warps=1),
    (32, 1): Launch(slice=32, warps=2),
    (32, 2): Launch(slice=32, warps=2),
    (32, 3): Launch(slice=32, warps=2),
    (32, 4): Launch(slice=16, warps=2),
    (64, 1): Launch(slice=32, warps=4),
    (64, 2): Launch(slice=32, warps=4),
    (64, 3): Launch(slice=32, warps=4),
    (64, 4): Launch(slice=16, warps=4, most_inputs=16),
}
"""By the width and the depth of a `FusedShape`: what fused kernels can train."""
EVALUATION = Launch(slice=32, warps=4, precision="ieee")
"""Of forward passes alone, for all shapes."""
