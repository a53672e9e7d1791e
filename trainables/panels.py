"""Batches laid out for the kernels: panel by panel, so that a product reads straight on."""

from dataclasses import dataclass

import torch
from torch import Tensor

from .data import Batches
from .kernels import PANEL


@dataclass(frozen=True, kw_only=True)
class Panels:
    """The inputs and labels of one stream: (P, 3 D + 1, PANEL) and (P, PANEL) a step.

    `inputs` and `labels` are those of step 0; the strides, in numbers, lead to the next step's.
    Of a step's numbers `pairs` count, the rest of its last panel is padding.
    """

    inputs: Tensor
    labels: Tensor
    inputs_step_stride: int
    labels_step_stride: int
    pairs: int

    @property
    def number(self) -> int:
        """P, the panels of a step."""
        return -(-self.pairs // PANEL)


class PanelCopy:
    """A copy of batches in panels.

    A step takes `pairs` of a stream: a whole batch, or a whole number of panels that divides it.
    """

    def __init__(self, batches: Batches, *, pairs: int) -> None:
        """Make the memory; `copy` fills it with what the batches hold then."""
        number, streams, features, size = batches.inputs.shape
        panels = -(-size // PANEL)
        dtype = batches.inputs.dtype
        self._inputs = torch.zeros(streams, number, panels, features, PANEL, dtype=dtype)
        self._labels = torch.zeros(streams, number, panels, PANEL, dtype=dtype)
        self._pairs = pairs
        self._panels_a_step = -(-pairs // PANEL)
        self.steps = number * panels // self._panels_a_step
        """The steps of all batches."""
        whole, rest = divmod(size, PANEL)
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

    def of_stream(self, member: int) -> Panels:
        """What `member` sees: the one stream of all, or its own."""
        stream = member if len(self._inputs) > 1 else 0
        inputs, labels = self._inputs[stream], self._labels[stream]
        return Panels(
            inputs=inputs,
            labels=labels,
            inputs_step_stride=inputs[0, 0].numel() * self._panels_a_step,
            labels_step_stride=PANEL * self._panels_a_step,
            pairs=self._pairs,
        )


def _move(target: Tensor, source: Tensor, panels: int) -> tuple[Tensor, Tensor]:
    """Views of one shape: (S, N, P, ..., pairs) from (N, S, ..., P * pairs)."""
    return target, source.unflatten(-1, (panels, -1)).movedim(-2, 2).transpose(0, 1)
