"""Batches laid out for the kernels: panel by panel, so that a product reads straight on."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..sources.batches import Batches
from .kernels import PANEL

SLICE_PANELS = 4
"""Panels that go through a network at once: few, so that its activations stay in the cache.

Part of what the numbers are: gradients are summed slice by slice.
"""


@dataclass(frozen=True, kw_only=True)
class Panels:
    """A slice of a stream's batches: inputs (N, P, 3 D + 1, PANEL), labels (N, P, PANEL).

    Its first `pairs` count, the rest of its last panel is padding. `batch_size` is that of the
    whole batch, of which they are the pairs from `first` on; the strides, in numbers, lead from the
    slice of one step to the next step's.
    """

    inputs: Tensor
    labels: Tensor
    pairs: int
    batch_size: int
    first: int = 0

    @property
    def number(self) -> int:
        """P."""
        return self.inputs.shape[1]

    @property
    def inputs_step_stride(self) -> int:
        """From the inputs of one step to those of the next, in numbers."""
        return self.inputs.stride(0)

    @property
    def labels_step_stride(self) -> int:
        """From the labels of one step to those of the next, in numbers."""
        return self.labels.stride(0)


class PanelCopy:
    """A copy of batches in panels; every batch is a step."""

    def __init__(self, batches: Batches) -> None:
        """Make the memory; `copy` fills it with what the batches hold then."""
        self.steps, streams, features, self._batch_size = batches.inputs.shape
        panels = -(-self._batch_size // PANEL)
        dtype = batches.inputs.dtype
        self._inputs = torch.zeros(streams, self.steps, panels, features, PANEL, dtype=dtype)
        self._labels = torch.zeros(streams, self.steps, panels, PANEL, dtype=dtype)
        whole, rest = divmod(self._batch_size, PANEL)
        self._moves = []
        if whole:
            self._moves += [
                _move(self._inputs[:, :, :whole], batches.inputs[..., : whole * PANEL], whole),
                _move(self._labels[:, :, :whole], batches.labels[..., : whole * PANEL], whole),
            ]
        if rest:
            self._moves += [
                _move(self._inputs[:, :, whole:, :, :rest], batches.inputs[..., -rest:], 1),
                _move(self._labels[:, :, whole:, :rest], batches.labels[..., -rest:], 1),
            ]

    def copy(self) -> None:
        """Take over what the batches hold now."""
        for target, source in self._moves:
            target.copy_(source)

    def slices(self, member: int) -> list[Panels]:
        """What `member` sees, of the one stream of all or of its own, slice by slice."""
        stream = member if len(self._inputs) > 1 else 0
        inputs, labels = self._inputs[stream], self._labels[stream]
        return [
            Panels(
                inputs=inputs[:, first : first + SLICE_PANELS],
                labels=labels[:, first : first + SLICE_PANELS],
                pairs=min(self._batch_size - first * PANEL, SLICE_PANELS * PANEL),
                batch_size=self._batch_size,
            )
            for first in range(0, inputs.shape[1], SLICE_PANELS)
        ]


def _move(target: Tensor, source: Tensor, panels: int) -> tuple[Tensor, Tensor]:
    """Views of one shape: (S, N, P, ..., pairs) from (N, S, ..., P * pairs)."""
    return target, source.unflatten(-1, (panels, -1)).movedim(-2, 2).transpose(0, 1)
