"""The MLP as a plain module: the reference that the engines are held against."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .activation_modules import ACTIVATION_MODULES


class Network(nn.Module):
    """An MLP on two vectors: [a, b] or [a, b, a * b] -> hidden layers -> one number.

    depth 0 is one `Linear`; depth 2 is `Linear, activation, Linear, activation, Linear`.
    """

    def __init__(
        self, layers: Sequence[tuple[Tensor, Tensor]], *, activation: str, multiplication: bool
    ) -> None:
        """Build the network with these weights (outputs, inputs) and biases, which are copied."""
        super().__init__()
        self.multiplication = multiplication
        modules: list[nn.Module] = []
        for weight, bias in layers:
            linear = nn.Linear(weight.shape[1], weight.shape[0], dtype=weight.dtype)
            with torch.no_grad():
                linear.weight.copy_(weight)
                linear.bias.copy_(bias)
            modules += [linear, ACTIVATION_MODULES[activation]()]
        self.layers = nn.Sequential(*modules[:-1])

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """The predictions (B,) for the pairs a, b, each (B, D)."""
        parts = [a, b, a * b] if self.multiplication else [a, b]
        output: Tensor = self.layers(torch.cat(parts, dim=1))
        return output.squeeze(1)
