"""What a stack of tensors needs in memory, before it is made."""

import torch

from ..sources.batches import BLOCK_STEPS, EVALUATION_CHUNK, EVALUATION_CHUNKS, input_rows
from .activation_operations import ACTIVATION_OPERATIONS
from .optimiser_operations import flat_buffers
from .stack_shape import StackShape


def stack_bytes(
    shape: StackShape,
    *,
    activation: str,
    optimizer: str,
    batch_size: int,
    dtype: torch.dtype,
) -> int:
    """The most bytes that a stack holds at once: its own, and those of an evaluation.

    Batches, which all stacks of a pack share, are not counted: `batch_bytes` does.
    """
    members = len(shape.members)
    copies = 1 if ACTIVATION_OPERATIONS[activation].in_place else 2
    training = (
        flat_buffers(optimizer) * shape.size
        + _activation_numbers(shape, copies, batch_size)
        + batch_size * shape.width * shape.with_hidden * len(shape.counts[:2])  # deltas
        + 2 * members * batch_size  # errors, and their squares summed
    )
    evaluation = _activation_numbers(shape, copies, EVALUATION_CHUNK)
    # The squared errors of a chunk are float64, and so are those of its labels.
    squares = members * EVALUATION_CHUNK * 8 * 2
    return (training + evaluation) * dtype.itemsize + squares


def _activation_numbers(shape: StackShape, copies: int, pairs: int) -> int:
    """The numbers of a forward pass: every hidden layer's activations, and the predictions."""
    return pairs * (copies * shape.width * sum(shape.counts) + len(shape.members))


def batch_bytes(dimension: int, batch_size: int, streams: int, dtype: torch.dtype) -> int:
    """The bytes of the batches of a pack, and of the evaluation pairs in memory at once."""
    numbers = streams * (input_rows(dimension) + 1)
    pairs = BLOCK_STEPS * batch_size + EVALUATION_CHUNKS * EVALUATION_CHUNK
    return numbers * pairs * dtype.itemsize
