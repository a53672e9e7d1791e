"""How much of a product fits into the processor's registers at once."""

import platform
from dataclasses import dataclass

LANES = 16
"""The lanes of a vector, whatever the processor's registers hold: they settle the order of sums."""
MOST_ROWS = 6


@dataclass(frozen=True, kw_only=True)
class Tile:
    """The outputs that a product holds in registers: `rows` times `vectors` of a panel.

    `gradients` weight gradients to a side are summed at once. Tiles change how often a number is
    loaded and nothing else: no sum is taken in another order.
    """

    rows: int
    vectors: int
    gradients: int


def best_tile(*, registers: int, register_bytes: int, number_bytes: int) -> Tile:
    """The tile of most multiplications for each load."""
    each = -(-LANES * number_bytes // register_bytes)
    tiles = []
    for vectors in (4, 2, 1):
        rows = min((registers - 1) // (vectors * each) - 1, MOST_ROWS)
        if rows > 0:
            loads = vectors * each + rows
            tiles.append((rows * vectors * each / loads, rows, vectors))
    _, rows, vectors = max(tiles, default=(0.0, 1, 1))
    side = 4 if (16 + 5) * each <= registers else 2 if (4 + 3) * each <= registers else 1
    return Tile(rows=rows, vectors=vectors, gradients=side)


def host_registers(features: str) -> tuple[int, int]:
    """The number of vector registers and their bytes, by LLVM's list of the host's features."""
    if "+avx512f" in features:
        return 32, 64
    if platform.machine().lower() in ("arm64", "aarch64"):
        return 32, 16
    return (16, 32) if "+avx" in features else (16, 16)
