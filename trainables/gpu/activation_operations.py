"""The activations as in-place operations on tensors.

Every activation maps 0 to 0, so that a padded unit (all its weights zero) puts out zero, gets zero
gradients and stays exactly zero: members of different widths share a stack unmasked.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

aten = torch.ops.aten


@dataclass(frozen=True, kw_only=True)
class ActivationOperations:
    """One activation function and its derivative.

    `forward(before, after)` writes the activation of `before` into `after`; `backward(delta,
    before, after)` multiplies `delta` in place by the derivative. Where `in_place`, `after` may be
    the same memory as `before`: the derivative follows from the output alone.
    """

    in_place: bool
    forward: Callable[[Tensor, Tensor], object]
    backward: Callable[[Tensor, Tensor, Tensor], object]


ACTIVATION_OPERATIONS: Mapping[str, ActivationOperations] = {
    "relu": ActivationOperations(
        in_place=True,
        forward=lambda before, after: torch.clamp_min(before, 0, out=after),
        backward=lambda delta, before, after: aten.threshold_backward.grad_input(
            delta, after, 0, grad_input=delta
        ),
    ),
    "gelu": ActivationOperations(
        in_place=False,
        forward=lambda before, after: aten.gelu.out(before, out=after),
        backward=lambda delta, before, after: aten.gelu_backward.grad_input(
            delta, before, grad_input=delta
        ),
    ),
    "silu": ActivationOperations(
        in_place=False,
        forward=lambda before, after: aten.silu.out(before, out=after),
        backward=lambda delta, before, after: aten.silu_backward.grad_input(
            delta, before, grad_input=delta
        ),
    ),
    "tanh": ActivationOperations(
        in_place=True,
        forward=lambda before, after: torch.tanh(before, out=after),
        backward=lambda delta, before, after: aten.tanh_backward.grad_input(
            delta, after, grad_input=delta
        ),
    ),
}
