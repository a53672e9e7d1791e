"""Adam (Kingma & Ba 2015, arXiv 1412.6980), and AdamW (Loshchilov & Hutter 2019, arXiv 1711.05101).

AdamW first multiplies the weights and biases by 1 - learning rate * weight decay: the decay is
decoupled from the gradients.
"""

import torch

from .optimiser import Optimiser

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8
"""Torch's defaults."""

ADAM = Optimiser(reference=torch.optim.Adam, states=("first_moment", "second_moment"))
ADAMW = Optimiser(reference=torch.optim.AdamW, states=ADAM.states, settings=("weight_decay",))
