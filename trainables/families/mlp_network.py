"""The MLP as a plain module: the reference that the engines are held against."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .activation_modules import ACTIVATION_MODULES
from .dropout import Dropout


class Network(nn.Module):
    """An MLP on two vectors: [a, b] or [a, b, a * b] -> hidden layers -> one number.

    depth 0 is one `Linear`; depth 2 is `Linear, activation, Linear, activation, Linear`, with
    `Dropout` behind each activation where there is any.
    """

    def __init__(
        self,
        layers: Sequence[tuple[Tensor, Tensor]],
        *,
        activation: str,
        multiplication: bool,
        dropout: float = 0.0,
        seed: int = 0,
    ) -> None:
        """Build the network with these weights (outputs, inputs) and biases, which are copied.

        `dropout` is the probability with which it drops a unit in training, by bits of `seed`.
        """
        super().__init__()
        self.multiplication = multiplication
        modules: list[nn.Module] = []
        *hidden, _ = range(len(layers))
        for index, (weight, bias) in enumerate(layers):
            linear = nn.Linear(weight.shape[1], weight.shape[0], dtype=weight.dtype)
            with torch.no_grad():
                linear.weight.copy_(weight)
                linear.bias.copy_(bias)
            modules.append(linear)
            if index in hidden:
                modules.append(ACTIVATION_MODULES[activation]())
            if index in hidden and dropout > 0:
                modules.append(Dropout(dropout, seed=seed, layer=index))
        self.layers = nn.Sequential(*modules)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """The predictions (B,) for the pairs a, b, each (B, D)."""
        parts = [a, b, a * b] if self.multiplication else [a, b]
        output: Tensor = self.layers(torch.cat(parts, dim=1))
        return output.squeeze(1)
