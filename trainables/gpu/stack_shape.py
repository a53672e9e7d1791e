"""The shapes of a stack: who has which layer, and where its weights lie in a flat buffer.

Legend: K members, B pairs in a batch, D dimension, I inputs of the network (2 D or 3 D), W units
(the widest member's, padded), S streams (1: shared by all members; K: one each).
"""

import math
from collections.abc import Sequence
from functools import cached_property
from itertools import groupby, pairwise
from typing import NamedTuple

from torch import Tensor

from ..families.mlp import Mlp

ALIGNMENT = 16
"""Blocks of the flat buffers begin at multiples of so many numbers: 64 bytes in float32."""


class Layers(NamedTuple):
    """The weight blocks of a stack, views of one flat buffer.

    `first` (K_0 W, I + 1), `hidden` weights (K_j, W, W) and biases (K_j, W, 1) for j >= 1, `output`
    (K_0, 1, W) and its bias (K_0, 1, 1), `linear` (K - K_0, I + 1) of the members of depth 0.
    """

    first: Tensor
    hidden: tuple[tuple[Tensor, Tensor], ...]
    output: Tensor
    output_bias: Tensor
    linear: Tensor


class StackShape:
    """Models sorted by depth, deepest first, and the blocks of their weights.

    The K_j members that have hidden layer j (from 0) are then a prefix. The members without a
    hidden layer come last.
    """

    def __init__(self, members: Sequence[Mlp], dimension: int) -> None:
        """All of one multiplication and activation; already sorted by depth, deepest first."""
        self.members = tuple(members)
        self.width = max(member.width for member in members)
        self.inputs = members[0].input_size(dimension) + 1
        """The inputs and the row of ones: I + 1."""
        self.counts = tuple(
            sum(member.depth > layer for member in members) for layer in range(members[0].depth)
        )
        """K_j for every hidden layer j."""
        self.with_hidden = self.counts[0] if self.counts else 0

    @cached_property
    def runs(self) -> dict[int, slice]:
        """The members whose last hidden layer is the key."""
        runs, start = {}, 0
        for depth, run in groupby(member.depth for member in self.members):
            stop = start + len(list(run))
            if depth:
                runs[depth - 1] = slice(start, stop)
            start = stop
        return runs

    @cached_property
    def blocks(self) -> tuple[tuple[int, ...], ...]:
        """The shapes of the weight blocks, in the order in which they lie in a flat buffer."""
        members, width = len(self.members), self.width
        blocks: list[tuple[int, ...]] = [(self.with_hidden * width, self.inputs)]
        for count in self.counts[1:]:
            blocks += [(count, width, width), (count, width, 1)]
        blocks += [(self.with_hidden, 1, width), (self.with_hidden, 1, 1)]
        return (*blocks, (members - self.with_hidden, self.inputs))

    @cached_property
    def size(self) -> int:
        """The numbers in a flat buffer, gaps for alignment included."""
        return sum(_aligned(math.prod(block)) for block in self.blocks)

    def layers(self, flat: Tensor) -> Layers:
        """The blocks of a flat buffer, or of several (..., size), as views."""
        views, start = [], 0
        for block in self.blocks:
            size = math.prod(block)
            views.append(flat[..., start : start + size].view(*flat.shape[:-1], *block))
            start += _aligned(size)
        first, *middle, output, output_bias, linear = views
        hidden = tuple(zip(middle[::2], middle[1::2], strict=True))
        return Layers(first, hidden, output, output_bias, linear)

    def pieces(self, layers: Layers, index: int) -> list[Tensor]:
        """The part of `layers` that belongs to a member.

        Of several buffers at once: in the shapes of `Trainee.pieces`.
        """
        member = self.members[index]
        if member.depth == 0:
            row = index - self.with_hidden
            return [layers.linear[..., row : row + 1, :]]
        sizes, top = member.layer_sizes, index * self.width
        pieces = [layers.first[..., top : top + sizes[0], :]]
        for (weight, bias), (below, units) in zip(layers.hidden, pairwise(sizes), strict=False):
            pieces += [weight[..., index, :units, :below], bias[..., index, :units, :]]
        output, output_bias = layers.output[..., index, :, : sizes[-1]], layers.output_bias
        return [*pieces, output, output_bias[..., index, :, :]]


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT
