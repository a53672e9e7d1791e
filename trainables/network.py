"""The network as a plain module: the reference that the stacks are held against."""

import torch
from torch import Tensor, nn

from .activations import ACTIVATIONS
from .initialisation import initial_layers
from .pack import Member


class Network(nn.Module):
    """An MLP on two vectors: [a, b] or [a, b, a * b] -> hidden layers -> one number.

    depth 0 is one `Linear`; depth 2 is `Linear, activation, Linear, activation, Linear`.
    """

    def __init__(self, member: Member, dimension: int) -> None:
        """Build the network of `member` with its initial weights, float32, on the CPU."""
        super().__init__()
        self.multiplication = member.multiplication
        modules: list[nn.Module] = []
        for weight, bias in initial_layers(member, dimension):
            linear = nn.Linear(weight.shape[1], weight.shape[0])
            with torch.no_grad():
                linear.weight.copy_(weight)
                linear.bias.copy_(bias)
            modules += [linear, ACTIVATIONS[member.activation].module()]
        self.layers = nn.Sequential(*modules[:-1])

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """The predictions (B,) for the pairs a, b, each (B, D)."""
        parts = [a, b, a * b] if self.multiplication else [a, b]
        output: Tensor = self.layers(torch.cat(parts, dim=1))
        return output.squeeze(1)
