"""Batches in memory, and how many pairs are drawn at a time.

Shapes: B pairs in a batch, D the dimension. Batches are feature-major, one pair a column:
`inputs` (3 D + 1, B) holds the rows [a; b; 1; a * b], so that the inputs of a network without
the multiplication input are the first 2 D + 1 rows; the row of ones multiplies the bias.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

BLOCK_STEPS = 16
"""Batches drawn ahead, so that a stack takes several steps while its weights are in the cache."""
ROW_BLOCK_STEPS = 64
"""The same of pairs by their rows, which take little memory: a step reads few rows, and most of
them are then read several times before they leave the cache."""
EVALUATION_CHUNK = 1024
"""Pairs drawn at once for an evaluation: part of the definition of the evaluation pairs."""
EVALUATION_CHUNKS = 8
"""Chunks in memory at once."""
SELECTION_PAIRS = 65_536
"""Pairs of an evaluation at the last step."""
RUNG_PAIRS = 8_192
"""Pairs of an evaluation at a rung: the first of the selection pairs."""


def input_rows(dimension: int) -> int:
    """The rows of a batch's inputs: those of a, b and a * b, and a row of ones for the biases."""
    return 3 * dimension + 1


@dataclass(frozen=True)
class Batches:
    """N batches of S streams: inputs (N, S, `input_rows`, B) and labels (N, S, B).

    There is one stream for all members, or one for each.
    """

    inputs: Tensor
    labels: Tensor

    @classmethod
    def empty(
        cls,
        number: int,
        streams: int,
        *,
        dimension: int,
        size: int,
        device: torch.device,
        dtype: torch.dtype,
    ) -> "Batches":
        """Memory for `number` batches of `size` pairs; the rows of ones are there."""
        rows = input_rows(dimension)
        inputs = torch.ones(number, streams, rows, size, device=device, dtype=dtype)
        return cls(inputs, torch.empty(number, streams, size, device=device, dtype=dtype))

    def of_streams(self, streams: slice) -> "Batches":
        """The same memory, for some of the streams."""
        return Batches(self.inputs[:, streams], self.labels[:, streams])
