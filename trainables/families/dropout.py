"""Dropout as a plain module: the reference that the engine is held against.

Srivastava et al. 2014, JMLR 15; inverted, as `torch.nn.Dropout` has it. Its random words are a
function of where they fall, so that they depend on nothing else: their key is the member's
initialisation seed, their counter says which pair and which four units of which layer and step.
"""

import torch
from torch import Tensor, nn

from ..philox import WORD, WORDS, philox


def dropout_threshold(probability: float) -> int:
    """A unit is dropped whose random word is below it."""
    return int(probability * (WORD + 1))


def dropout_factors(
    probability: float, *, seed: int, step: int, layer: int, pairs: int, units: int
) -> Tensor:
    """What outputs (pairs, units) are multiplied with, float64: 0, or 1 / (1 - probability).

    `step` and `layer`, that of the hidden layer, count from 0.
    """
    groups = -(-units // WORDS)
    counter = torch.broadcast_tensors(
        torch.arange(pairs)[:, None],
        torch.arange(groups),
        torch.tensor(layer),
        torch.tensor(step & WORD),
    )
    words = torch.stack(philox(counter, seed), dim=2).flatten(1)[:, :units]
    return (words >= dropout_threshold(probability)).double() / (1 - probability)


class Dropout(nn.Module):
    """Drops units of a hidden layer in training, those of a `step` that the trainer sets."""

    def __init__(self, probability: float, *, seed: int, layer: int) -> None:
        """For the hidden layer `layer`, counted from 0, of a member's initialisation seed."""
        super().__init__()
        self.probability, self.seed, self.layer, self.step = probability, seed, layer, 0

    def forward(self, outputs: Tensor) -> Tensor:
        """The outputs (B, U), dropped or scaled; in evaluation as they are."""
        if not self.training:
            return outputs
        pairs, units = outputs.shape
        factors = dropout_factors(
            self.probability,
            seed=self.seed,
            step=self.step,
            layer=self.layer,
            pairs=pairs,
            units=units,
        )
        return outputs * factors.to(outputs)


def begin_step(network: nn.Module, step: int) -> None:
    """Put the network into training, at a step counted from 0."""
    network.train()
    for module in network.modules():
        if isinstance(module, Dropout):
            module.step = step
