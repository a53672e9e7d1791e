"""The initial weights of an MLP, from a seed alone."""

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor


def initial_layers(sizes: Sequence[int], seed: int) -> list[tuple[Tensor, Tensor]]:
    """The weight (outputs, inputs) and the bias (outputs,) of every layer, float32, on the CPU.

    `sizes` are the inputs, the units of each hidden layer and the outputs. The distribution is that
    of `torch.nn.Linear`: uniform within 1 / sqrt(inputs), weight and bias alike. The numbers are
    drawn layer by layer, weight before bias, from one CPU generator, so they are the same on every
    device.
    """
    generator = torch.Generator().manual_seed(seed)
    layers = []
    for inputs, outputs in itertools.pairwise(sizes):
        bound = 1.0 / math.sqrt(inputs)
        weight = torch.empty(outputs, inputs).uniform_(-bound, bound, generator=generator)
        bias = torch.empty(outputs).uniform_(-bound, bound, generator=generator)
        layers.append((weight, bias))
    return layers
