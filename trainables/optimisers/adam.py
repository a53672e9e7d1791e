"""Adam (Kingma & Ba 2015, arXiv 1412.6980), and AdamW (Loshchilov & Hutter 2019, arXiv 1711.05101).

AdamW first multiplies the weights and biases by 1 - learning rate * weight decay: the decay is
decoupled from the gradients.
"""

from dataclasses import dataclass

import torch

from .optimiser import Optimiser

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8
"""Torch's defaults."""


@dataclass(frozen=True, kw_only=True)
class Moments:
    """What a step keeps of the two moments, and what is added to the root of the second."""

    beta_1: float = BETA_1
    beta_2: float = BETA_2
    epsilon: float = EPSILON

    @property
    def betas(self) -> tuple[float, float]:
        """As torch calls the two."""
        return self.beta_1, self.beta_2


ADAM = Optimiser(
    reference=torch.optim.Adam,
    states=("first_moment", "second_moment"),
    of_embeddings=("beta_1", "beta_2", "epsilon"),
)
ADAMW = Optimiser(
    reference=torch.optim.AdamW,
    states=ADAM.states,
    settings=("weight_decay",),
    of_embeddings=ADAM.of_embeddings,
)
