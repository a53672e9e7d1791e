"""How fused kernels are run, by measurements on a GPU (benchmarks/RESULTS.md).

By a member's shape alone, never by a search when it runs: another choice may round otherwise.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Launch:
    """The pairs of a slice, the warps of a thread block, and how products are computed.

    "ieee" products are fused multiply-adds in float32. "tf32x3" takes three of TF32 for each, on
    tensor cores, which together keep all but the last bits of float32. `tile` and `reload`: see
    `FusedShape`.
    """

    slice: int
    warps: int
    precision: str
    tile: int
    reload: bool = False


LAUNCHES: Mapping[tuple[int, int], Launch] = {
    **{(16, depth): Launch(slice=32, warps=1, precision="ieee", tile=16) for depth in range(1, 5)},
    **{
        (32, depth): Launch(slice=32, warps=2, precision="tf32x3", tile=32) for depth in range(1, 5)
    },
    **{
        (64, depth): Launch(slice=32, warps=4, precision="tf32x3", tile=64) for depth in range(1, 5)
    },
}
"""By the padded width and the depth."""
EVALUATION = Launch(slice=32, warps=4, precision="ieee", tile=32)
"""Of forward passes alone, for all shapes."""
