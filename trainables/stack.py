"""A stack: members of a pack trained as one batched computation.

Legend: K members, B pairs in a batch, D dimension, I inputs of the network (2 D or 3 D), W units
(the widest member's, padded), S streams (1: shared by all members; K: one each).

Members are sorted by depth, deepest first, so the K_j members that have hidden layer j are a
prefix, and one product serves layer j of all depths at once. The members without a hidden layer
come last. Activations are feature-major, (K, W, B): the first layer of all members is then one wide
product (K W, I + 1) x (I + 1, B), for they see the same batch. Its bias is the weight of the row of
ones; further layers have their bias apart.

Narrower members are padded with zero weights. Since every activation maps 0 to 0, the gradients
there are zero and Adam leaves the zeros alone, so no mask is needed.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import torch
from torch import Tensor

from .activations import ACTIVATIONS
from .adam import adam_step
from .data import Batch
from .initialisation import initial_layers
from .pack import Member

ALIGNMENT = 16
"""Blocks of the flat buffers begin at multiples of so many numbers: 64 bytes in float32."""


@dataclass(frozen=True)
class Trainee:
    """A member and its training state, outside any stack.

    `pieces` are its weight blocks in the order of the layers, each with a leading axis of four:
    weights, first moment, second moment, running average of the weights. The first layer is one
    piece (outputs, I + 1) with its bias in column 2 D; a further layer is two: (outputs, inputs)
    and (outputs, 1).
    """

    member: Member
    pieces: tuple[Tensor, ...]

    @classmethod
    def start(
        cls, member: Member, dimension: int, device: torch.device, dtype: torch.dtype
    ) -> "Trainee":
        """The member before its first step."""
        (first, first_bias), *further = initial_layers(member, dimension)
        vectors = 2 * dimension
        pieces = [torch.cat([first[:, :vectors], first_bias[:, None], first[:, vectors:]], dim=1)]
        for weight, bias in further:
            pieces += [weight, bias[:, None]]
        states = []
        for piece in pieces:
            zeros = torch.zeros_like(piece)
            states.append(torch.stack([piece, zeros, zeros, piece]).to(device, dtype))
        return cls(member, tuple(states))


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


class Workspace:
    """The buffers of a forward pass over `size` pairs, and of a backward pass if `backward`."""

    def __init__(self, stack: "Stack", size: int, *, backward: bool) -> None:
        """Allocate the buffers for `stack`."""

        def empty(*shape: int) -> Tensor:
            return torch.empty(*shape, device=stack.device, dtype=stack.dtype)

        shapes = [(count, stack.width, size) for count in stack.counts]
        self.before = [empty(*shape) for shape in shapes]
        in_place = ACTIVATIONS[stack.activation].in_place
        self.after = self.before if in_place else [empty(*shape) for shape in shapes]
        self.predictions = empty(len(stack.members), size)
        if backward:
            self.error = empty(len(stack.members), size)
            # Two buffers take turns: the delta of a layer is needed until that below is written.
            self.deltas = [empty(*shapes[0]) for _ in range(min(2, len(shapes)))]


class Stack:
    """K members, their weights and their Adam state in flat buffers."""

    def __init__(
        self,
        trainees: Sequence[Trainee],
        *,
        dimension: int,
        batch_size: int,
        steps_done: int,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        """Load `trainees`, all of one multiplication, activation and schedule.

        `steps_done` is the number of Adam steps behind them.
        """
        self._trainees = sorted(trainees, key=lambda trainee: -trainee.member.depth)
        self.members = [trainee.member for trainee in self._trainees]
        self.device, self.dtype = device, dtype
        self.activation = self.members[0].activation
        self.width = max((member.width for member in self.members if member.depth), default=0)
        self.inputs = self.members[0].input_size(dimension) + 1
        deepest = self.members[0].depth
        self.counts = [
            sum(member.depth > layer for member in self.members) for layer in range(deepest)
        ]
        self._batch_size = batch_size
        self._activation = ACTIVATIONS[self.activation]
        self._allocate()
        self._load()
        self._adam_step = torch.tensor(float(steps_done), device=device)
        self._prepare()

    # -- buffers -------------------------------------------------------------------------------

    def _shapes(self) -> list[tuple[int, ...]]:
        members, width = len(self.members), self.width
        with_hidden = self.counts[0] if self.counts else 0
        shapes: list[tuple[int, ...]] = [(with_hidden * width, self.inputs)]
        for count in self.counts[1:]:
            shapes += [(count, width, width), (count, width, 1)]
        shapes += [(with_hidden, 1, width), (with_hidden, 1, 1)]
        shapes += [(members - with_hidden, self.inputs)]
        return shapes

    def _views(self, flat: Tensor) -> Layers:
        blocks, start = [], 0
        for shape in self._shapes():
            size = math.prod(shape)
            blocks.append(flat[start : start + size].view(shape))
            start += -(-size // ALIGNMENT) * ALIGNMENT
        first, *middle, output, output_bias, linear = blocks
        hidden = tuple(zip(middle[::2], middle[1::2], strict=True))
        return Layers(first, hidden, output, output_bias, linear)

    def _allocate(self) -> None:
        size = sum(-(-math.prod(shape) // ALIGNMENT) * ALIGNMENT for shape in self._shapes())

        def flat(value: float) -> Tensor:
            return torch.full((size,), value, device=self.device, dtype=self.dtype)

        self._weights, self._gradients, self._scaled = flat(0.0), flat(0.0), flat(0.0)
        self._first_moment, self._second_moment = flat(0.0), flat(0.0)
        self._average, self._learning_rates = flat(0.0), flat(1.0)
        self._layers = self._views(self._weights)
        self._gradient_layers = self._views(self._gradients)
        self._average_layers = self._views(self._average)
        self._workspace = Workspace(self, self._batch_size, backward=True)
        self._squared_error = torch.zeros_like(self._workspace.predictions)

    def _member_pieces(self, layers: Layers, index: int) -> list[Tensor]:
        """The blocks of member `index` within `layers`, in the shapes of `Trainee.pieces`."""
        member = self.members[index]
        if member.depth == 0:
            row = index - (self.counts[0] if self.counts else 0)
            return [layers.linear[row : row + 1]]
        width = member.width
        top = index * self.width
        pieces = [layers.first[top : top + width]]
        for weight, bias in layers.hidden[: member.depth - 1]:
            pieces += [weight[index, :width, :width], bias[index, :width]]
        return [*pieces, layers.output[index, :, :width], layers.output_bias[index]]

    def _load(self) -> None:
        states = (self._weights, self._first_moment, self._second_moment, self._average)
        for row, flat in enumerate(states):
            layers = self._views(flat)
            for index, trainee in enumerate(self._trainees):
                blocks = self._member_pieces(layers, index)
                for block, piece in zip(blocks, trainee.pieces, strict=True):
                    block.copy_(piece[row])
        rates = self._views(self._learning_rates)
        for index, member in enumerate(self.members):
            for block in self._member_pieces(rates, index):
                block.fill_(member.learning_rate)
        torch.div(self._weights, self._learning_rates, out=self._scaled)

    def unload(self) -> list[Trainee]:
        """The members with their state now, in the stack's order."""
        states = (self._weights, self._first_moment, self._second_moment, self._average)
        layers = [self._views(flat) for flat in states]
        trainees = []
        for index, member in enumerate(self.members):
            blocks = zip(*(self._member_pieces(views, index) for views in layers), strict=True)
            trainees.append(Trainee(member, tuple(torch.stack(block) for block in blocks)))
        return trainees

    # -- forward and backward ------------------------------------------------------------------

    def _prepare(self) -> None:
        """The runs of members of equal depth >= 1: (hidden layer, start, stop)."""
        self._runs = []
        start = 0
        for depth, run in groupby(member.depth for member in self.members):
            stop = start + len(list(run))
            if depth:
                self._runs.append((depth - 1, start, stop))
            start = stop

    def _forward(self, layers: Layers, inputs: Tensor, space: Workspace) -> None:
        """Fill `space` from the inputs (S, I + 1, B)."""
        activate, linear = self._activation.forward, layers.linear
        if self.counts:
            self._first_product(layers.first, inputs, space.before[0])
            activate(space.before[0], space.after[0])
            for layer, (weight, bias) in enumerate(layers.hidden, start=1):
                below = space.after[layer - 1][: self.counts[layer]]
                torch.baddbmm(bias, weight, below, out=space.before[layer])
                activate(space.before[layer], space.after[layer])
        predictions = space.predictions.unsqueeze(1)
        for layer, start, stop in self._runs:
            torch.baddbmm(
                layers.output_bias[start:stop],
                layers.output[start:stop],
                space.after[layer][start:stop],
                out=predictions[start:stop],
            )
        if len(linear):
            first = len(self.members) - len(linear)
            if len(inputs) == 1:
                torch.mm(linear, inputs[0], out=space.predictions[first:])
            else:
                torch.bmm(linear.unsqueeze(1), inputs[first:], out=predictions[first:])

    def _first_product(self, weight: Tensor, inputs: Tensor, out: Tensor) -> None:
        if len(inputs) == 1:
            torch.mm(weight, inputs[0], out=out.view(-1, out.shape[2]))
        else:
            members = out.shape[0]
            torch.bmm(weight.view(members, -1, self.inputs), inputs[:members], out=out)

    def _backward(self, inputs: Tensor, space: Workspace) -> None:
        """Fill the gradients from `space.error`, the derivatives by the predictions (K, B)."""
        layers, gradients, error = self._layers, self._gradient_layers, space.error
        with_hidden = self.counts[0] if self.counts else 0
        if with_hidden:
            torch.sum(error[:with_hidden], 1, out=gradients.output_bias.view(-1))
        runs = {layer: (start, stop) for layer, start, stop in self._runs}
        error_rows = error.unsqueeze(1)
        for layer in reversed(range(len(self.counts))):
            count = self.counts[layer]
            delta = space.deltas[layer % 2][:count]
            if layer in runs:
                start, stop = runs[layer]
                rows = error_rows[start:stop]
                after = space.after[layer][start:stop]
                torch.bmm(rows, after.transpose(1, 2), out=gradients.output[start:stop])
                output = layers.output[start:stop].transpose(1, 2)
                torch.mul(output, rows, out=delta[start:stop])
            if layer + 1 < len(self.counts):
                above = self.counts[layer + 1]
                weight = layers.hidden[layer][0].transpose(1, 2)
                torch.bmm(weight, space.deltas[(layer + 1) % 2][:above], out=delta[:above])
            self._activation.backward(delta, space.before[layer], space.after[layer])
            if layer:
                weight_gradient, bias_gradient = gradients.hidden[layer - 1]
                below = space.after[layer - 1][:count]
                torch.bmm(delta, below.transpose(1, 2), out=weight_gradient)
                torch.sum(delta, 2, keepdim=True, out=bias_gradient)
            else:
                self._outer(delta, inputs, gradients.first)
        if len(layers.linear):
            self._outer(error[with_hidden:].unsqueeze(1), inputs, gradients.linear, with_hidden)

    def _outer(self, delta: Tensor, inputs: Tensor, out: Tensor, first: int = 0) -> None:
        """The gradient of weights on the inputs, from delta (members, outputs, B)."""
        if len(inputs) == 1:
            torch.mm(delta.reshape(-1, delta.shape[2]), inputs[0].t(), out=out)
        else:
            members = delta.shape[0]
            transposed = inputs[first : first + members].transpose(1, 2)
            torch.bmm(delta, transposed, out=out.view(members, -1, self.inputs))

    # -- training and evaluation ---------------------------------------------------------------

    def step(self, batch: Batch, schedule_factor: float, average_weight: float | None) -> None:
        """One Adam step on the mean squared error of `batch`, in every member.

        `schedule_factor` multiplies each member's learning rate. `average_weight` is the share of
        the new weights in their running average, or None to leave the average alone.
        """
        inputs, space = batch.inputs[:, : self.inputs], self._workspace
        self._forward(self._layers, inputs, space)
        torch.sub(space.predictions, batch.labels, out=space.error)
        self._squared_error.addcmul_(space.error, space.error)
        space.error.mul_(2.0 / self._batch_size)
        self._backward(inputs, space)
        # Adam moves the weights divided by the members' learning rates, so that one fused call
        # with the schedule's factor alone serves members of any learning rate.
        adam_step(
            self._scaled,
            self._gradients,
            self._first_moment,
            self._second_moment,
            self._adam_step,
            schedule_factor,
        )
        torch.mul(self._scaled, self._learning_rates, out=self._weights)
        if average_weight is not None:
            self._average.lerp_(self._weights, average_weight)

    def take_squared_error(self) -> Tensor:
        """The squared training error (K,), float64, summed over all pairs since the last call."""
        total = self._squared_error.sum(1, dtype=torch.float64)
        self._squared_error.zero_()
        return total

    def evaluation_workspace(self, pairs: int) -> Workspace:
        """Buffers for `predict` on so many pairs at once."""
        return Workspace(self, pairs, backward=False)

    def predict(self, batch: Batch, space: Workspace, *, averaged: bool) -> Tensor:
        """Predictions (K, B) of the weights, or of their running average."""
        layers = self._average_layers if averaged else self._layers
        self._forward(layers, batch.inputs[:, : self.inputs], space)
        return space.predictions
