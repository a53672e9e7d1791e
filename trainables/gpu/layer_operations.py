"""The forward and the backward pass of a stack, as lists of operations ready to run.

An operation is a tensor function with its arguments bound, views included: a step of small networks
takes some thirty operations of a few microseconds, and making their views anew would cost as much.
Activations are feature-major, (K, W, B). The first layer of all members is one wide product
(K W, I + 1) x (I + 1, B) where they see the same batch; its bias is the weight of the row of ones.
One product serves a further layer of all members that have it, whatever their depth.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from .activation_operations import ActivationOperations
from .stack_shape import Layers, StackShape

Operation = Callable[[], object]


@dataclass(frozen=True)
class Batch:
    """Inputs (S, 3 D + 1, B) and labels (S, B) of S streams: one for all members, or one each."""

    inputs: Tensor
    labels: Tensor


class Workspace:
    """The buffers of a forward pass over `size` pairs, and of a backward pass if `backward`.

    `before` and `after` hold each hidden layer's (K_j, W, B) before and after the activation,
    `predictions` and `error` are (K, B).
    """

    def __init__(
        self,
        shape: StackShape,
        activation: ActivationOperations,
        size: int,
        *,
        backward: bool,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        def empty(*sizes: int) -> Tensor:
            return torch.empty(*sizes, device=device, dtype=dtype)

        hidden = [(count, shape.width, size) for count in shape.counts]
        self.before = [empty(*sizes) for sizes in hidden]
        self.after = self.before if activation.in_place else [empty(*sizes) for sizes in hidden]
        self.predictions = empty(len(shape.members), size)
        if backward:
            self.error = empty(len(shape.members), size)
            # Two buffers take turns: the delta of a layer is needed until that below is written.
            self.deltas = [empty(*hidden[0]) for _ in hidden[:2]]


def run(operations: Sequence[Operation]) -> None:
    """Run them in their order."""
    for operation in operations:
        operation()


def forward(
    shape: StackShape,
    activation: ActivationOperations,
    layers: Layers,
    space: Workspace,
    batch: Batch,
) -> list[Operation]:
    """The operations that fill `space.predictions` from `batch`."""
    operations: list[Operation] = []
    inputs = batch.inputs[:, : shape.inputs]
    if shape.counts:
        operations += [
            _first_layer(layers.first, inputs, space.before[0]),
            partial(activation.forward, space.before[0], space.after[0]),
        ]
    for layer, (weight, bias) in enumerate(layers.hidden, start=1):
        below = space.after[layer - 1][: shape.counts[layer]]
        operations += [
            partial(torch.baddbmm, bias, weight, below, out=space.before[layer]),
            partial(activation.forward, space.before[layer], space.after[layer]),
        ]
    for layer, run in shape.runs.items():
        predictions = space.predictions[run].unsqueeze(1)
        bias, weight = layers.output_bias[run], layers.output[run]
        after = space.after[layer][run]
        operations.append(partial(torch.baddbmm, bias, weight, after, out=predictions))
    if len(layers.linear):
        predictions = space.predictions[shape.with_hidden :].unsqueeze(1)
        operations.append(_first_layer(layers.linear, inputs[-len(layers.linear) :], predictions))
    return operations


def _first_layer(weight: Tensor, inputs: Tensor, out: Tensor) -> Operation:
    """The product of (members outputs, I + 1) and (S, I + 1, B) into (members, outputs, B)."""
    members, _, pairs = out.shape
    if len(inputs) == 1:
        return partial(torch.mm, weight, inputs[0], out=out.view(-1, pairs))
    weights = weight.view(members, -1, weight.shape[1])
    return partial(torch.bmm, weights, inputs[:members], out=out)


def backward(
    shape: StackShape,
    activation: ActivationOperations,
    layers: Layers,
    gradients: Layers,
    space: Workspace,
    batch: Batch,
) -> list[Operation]:
    """The operations that fill `gradients` from `space.error`.

    The error holds the derivatives of the loss by the predictions (K, B).
    """
    operations: list[Operation] = []
    inputs = batch.inputs[:, : shape.inputs]
    if shape.counts:
        error = space.error[: shape.with_hidden]
        operations.append(partial(torch.sum, error, 1, out=gradients.output_bias.view(-1)))
    for layer in reversed(range(len(shape.counts))):
        delta = space.deltas[layer % 2][: shape.counts[layer]]
        operations += _delta(shape, layers, gradients, space, layer, delta)
        operations.append(
            partial(activation.backward, delta, space.before[layer], space.after[layer])
        )
        if layer:
            weight, bias = gradients.hidden[layer - 1]
            below = space.after[layer - 1][: shape.counts[layer]].transpose(1, 2)
            operations += [
                partial(torch.bmm, delta, below, out=weight),
                partial(torch.sum, delta, 2, keepdim=True, out=bias),
            ]
        else:
            operations.append(_first_gradient(delta, inputs, gradients.first))
    if len(layers.linear):
        error = space.error[shape.with_hidden :].unsqueeze(1)
        operations.append(_first_gradient(error, inputs[-len(error) :], gradients.linear))
    return operations


def _delta(
    shape: StackShape,
    layers: Layers,
    gradients: Layers,
    space: Workspace,
    layer: int,
    delta: Tensor,
) -> list[Operation]:
    """The operations that fill `delta`, the derivatives by what `layer` puts out (K_j, W, B).

    Members whose last hidden layer it is get theirs from the error, the others from above.
    """
    operations: list[Operation] = []
    if layer in shape.runs:
        run = shape.runs[layer]
        error = space.error[run].unsqueeze(1)
        after, output = space.after[layer][run].transpose(1, 2), layers.output[run].transpose(1, 2)
        operations += [
            partial(torch.bmm, error, after, out=gradients.output[run]),
            partial(torch.mul, output, error, out=delta[run]),
        ]
    if layer + 1 < len(shape.counts):
        above = shape.counts[layer + 1]
        weight = layers.hidden[layer][0].transpose(1, 2)
        delta_above = space.deltas[(layer + 1) % 2][:above]
        operations.append(partial(torch.bmm, weight, delta_above, out=delta[:above]))
    return operations


def _first_gradient(delta: Tensor, inputs: Tensor, out: Tensor) -> Operation:
    """The gradient of weights on the inputs, from delta (members, outputs, B)."""
    members, _, pairs = delta.shape
    if len(inputs) == 1:
        return partial(torch.mm, delta.view(-1, pairs), inputs[0].t(), out=out)
    transposed = inputs[:members].transpose(1, 2)
    return partial(torch.bmm, delta, transposed, out=out.view(members, -1, out.shape[1]))
