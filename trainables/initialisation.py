"""The initial weights of a member, from its seed alone."""

import itertools
import math

import torch
from torch import Tensor

from .pack import Member


def initial_layers(member: Member, dimension: int) -> list[tuple[Tensor, Tensor]]:
    """The weight (outputs, inputs) and the bias (outputs,) of every layer, float32, on the CPU.

    The distribution is that of `torch.nn.Linear`: uniform within 1 / sqrt(inputs), weight and bias
    alike. The numbers are drawn layer by layer, weight before bias, from one CPU generator, so they
    are the same on every device.
    """
    generator = torch.Generator().manual_seed(member.initialisation_seed)
    sizes = (member.input_size(dimension), *member.layer_sizes, 1)
    layers = []
    for inputs, outputs in itertools.pairwise(sizes):
        bound = 1.0 / math.sqrt(inputs)
        weight = torch.empty(outputs, inputs).uniform_(-bound, bound, generator=generator)
        bias = torch.empty(outputs).uniform_(-bound, bound, generator=generator)
        layers.append((weight, bias))
    return layers
