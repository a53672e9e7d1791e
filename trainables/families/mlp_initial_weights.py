"""The initial weights of an MLP, from a seed alone."""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor


def initial_layers(
    sizes: Sequence[int], seed: int, initialisation: str
) -> list[tuple[Tensor, Tensor]]:
    """The weight (outputs, inputs) and the bias (outputs,) of every layer, float32, on the CPU.

    `sizes` are the inputs, the units of each hidden layer and the outputs; `initialisation` is one
    of `INITIALISATIONS`. The numbers are drawn layer by layer, weight before bias, from one CPU
    generator, so they are the same on every device.
    """
    generator = torch.Generator().manual_seed(seed)
    fill = INITIALISATIONS[initialisation]
    layers = []
    for inputs, outputs in itertools.pairwise(sizes):
        weight, bias = torch.empty(outputs, inputs), torch.empty(outputs)
        fill(weight, bias, generator)
        layers.append((weight, bias))
    return layers


def _torch(weight: Tensor, bias: Tensor, generator: torch.Generator) -> None:
    """As `torch.nn.Linear`: uniform within 1 / sqrt(inputs), weight and bias alike."""
    bound = 1.0 / math.sqrt(weight.shape[1])
    weight.uniform_(-bound, bound, generator=generator)
    bias.uniform_(-bound, bound, generator=generator)


def _glorot(weight: Tensor, bias: Tensor, generator: torch.Generator) -> None:
    """Glorot and Bengio 2010 (AISTATS), eq. 16: uniform; as Keras's Dense, with zero biases."""
    bound = math.sqrt(6.0 / sum(weight.shape))
    weight.uniform_(-bound, bound, generator=generator)
    bias.zero_()


def _he(weight: Tensor, bias: Tensor, generator: torch.Generator) -> None:
    """He et al. 2015 (arXiv:1502.01852), eq. 10: normal with variance 2 / inputs, zero biases."""
    weight.normal_(0.0, math.sqrt(2.0 / weight.shape[1]), generator=generator)
    bias.zero_()


INITIALISATIONS: Mapping[str, Callable[[Tensor, Tensor, torch.Generator], None]] = {
    "torch": _torch,
    "glorot": _glorot,
    "he": _he,
}
"""Name -> what draws a layer's weight (outputs, inputs) and bias (outputs,)."""
