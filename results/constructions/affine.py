"""Networks by their numbers: affine functions of what lies below, layer upon layer."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Affine:
    """The sum of `weights[unit] * unit` over units of the layer below, and a constant."""

    weights: Mapping[int, float]
    constant: float = 0.0

    def __add__(self, constant: float) -> "Affine":
        return Affine(self.weights, self.constant + constant)

    def __sub__(self, constant: float) -> "Affine":
        return self + -constant

    def __mul__(self, factor: float) -> "Affine":
        weights = {unit: weight * factor for unit, weight in self.weights.items()}
        return Affine(weights, self.constant * factor)

    def __neg__(self) -> "Affine":
        return self * -1.0


def total(terms: Iterable[Affine]) -> Affine:
    """Return the sum of affine functions of the same layer."""
    weights: dict[int, float] = {}
    constant = 0.0
    for term in terms:
        constant += term.constant
        for unit, weight in term.weights.items():
            weights[unit] = weights.get(unit, 0.0) + weight
    return Affine(weights, constant)


@dataclass(frozen=True)
class Layer:
    """The weights (outputs, inputs) and biases (outputs,) of a layer, float64."""

    weights: NDArray[np.float64]
    biases: NDArray[np.float64]


def layers_of(network: Sequence[Sequence[Affine]], inputs: int) -> list[Layer]:
    """Return the arrays of a network: of each layer its units' functions of the layer below.

    The activation of the units is not part of them.
    """
    layers = []
    for units in network:
        weights = np.zeros((len(units), inputs))
        for row, unit in enumerate(units):
            weights[row, list(unit.weights)] = list(unit.weights.values())
        layers.append(Layer(weights, np.array([unit.constant for unit in units])))
        inputs = len(units)
    return layers
