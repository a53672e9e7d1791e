"""Initial weights against torch's own, drawn from the same generator."""

import math

import pytest
import torch
from torch import nn

from trainables.families.mlp_initial_weights import INITIALISATIONS, initial_layers

SIZES = (6, 40, 30, 1)


@pytest.mark.parametrize("initialisation", INITIALISATIONS)
def test_the_weights_are_those_that_torch_draws(initialisation: str) -> None:
    generator = torch.Generator().manual_seed(11)
    for weight, bias in initial_layers(SIZES, 11, initialisation):
        linear = nn.Linear(weight.shape[1], weight.shape[0])
        nn.init.zeros_(linear.bias)
        if initialisation == "torch":
            nn.init.kaiming_uniform_(linear.weight, math.sqrt(5), generator=generator)
            bound = weight.shape[1] ** -0.5
            nn.init.uniform_(linear.bias, -bound, bound, generator=generator)
        elif initialisation == "glorot":
            nn.init.xavier_uniform_(linear.weight, generator=generator)
        else:
            nn.init.kaiming_normal_(linear.weight, nonlinearity="relu", generator=generator)
        torch.testing.assert_close(weight, linear.weight.detach())
        torch.testing.assert_close(bias, linear.bias.detach())
