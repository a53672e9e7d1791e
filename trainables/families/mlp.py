"""The MLP on two vectors: [a, b] or [a, b, a * b] -> hidden layers -> one number."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

import torch
from torch import Tensor, nn

from spaces.vocabulary import input_count, layer_units, parameter_count

from ..pack import Member, Task
from .constructed_start import CONSTRUCTED_STARTS, constructed_start
from .mlp_initial_weights import initial_layers
from .mlp_network import Network


@dataclass(frozen=True, kw_only=True)
class Mlp:
    """The configuration of an MLP: what this family reads of the hyperparameters.

    `layer_sizes` are the units of each hidden layer, from the input to the output (none: one linear
    layer; two: linear, activation, linear, activation, linear); with `multiplication` the
    elementwise product of the two vectors is part of the input. `dropout`, of learned embeddings
    alone, is the share of the units of each hidden layer that a step of training does without.
    """

    multiplication: bool
    layer_sizes: tuple[int, ...]
    activation: str
    initialisation: str
    dropout: float = 0.0

    @classmethod
    def of(cls, member: Member) -> Self:
        """The configuration in a member's hyperparameters."""
        given: Mapping[str, Any] = member.hyperparameters
        return cls(
            multiplication=given["multiplication"],
            layer_sizes=layer_units(given["layer_sizes"]),
            activation=given["activation"],
            initialisation=given["initialisation"],
            dropout=given["dropout"] or 0.0,
        )

    @property
    def depth(self) -> int:
        """The number of hidden layers."""
        return len(self.layer_sizes)

    @property
    def width(self) -> int:
        """The most units of a hidden layer; 0 where there is none."""
        return max(self.layer_sizes, default=0)

    def input_size(self, dimension: int) -> int:
        """The number of inputs: [a, b], or [a, b, a * b] with the multiplication input."""
        return input_count(dimension, self.multiplication)

    def sizes(self, dimension: int) -> tuple[int, ...]:
        """The inputs, the units of each hidden layer, and the one output."""
        return (self.input_size(dimension), *self.layer_sizes, 1)


class MlpFamily:
    """See `Family`.

    A member's weight blocks lie in the order of its layers. The first layer is one block
    (outputs, I + 1) with its bias in column 2 D, where the inputs have their row of ones; a further
    layer is two: (outputs, inputs) and (outputs, 1).
    """

    name = "mlp"

    def parameters(self, member: Member, task: Task) -> int:
        """See `Family`."""
        mlp = Mlp.of(member)
        return parameter_count(inputs=mlp.input_size(task.dimension), units=mlp.layer_sizes)

    def flops_per_pair(self, member: Member, task: Task) -> int:
        """See `Family`: a multiplication and an addition for every weight, three times.

        For the outputs, for the gradient of the weights and for that of the layer's inputs, which
        the first layer has no need of.
        """
        sizes = Mlp.of(member).sizes(task.dimension)
        weights = [below * above for below, above in pairwise(sizes)]
        return 6 * sum(weights) - 2 * weights[0]

    def initial_pieces(self, member: Member, task: Task) -> list[Tensor]:
        """See `Family`."""
        return layer_pieces(_initial_layers(member, task), task.dimension)

    def reference(self, member: Member, task: Task) -> Network:
        """See `Family`."""
        mlp = Mlp.of(member)
        return Network(
            _initial_layers(member, task),
            activation=mlp.activation,
            multiplication=mlp.multiplication,
        )

    def undecayed(self, network: nn.Module) -> list[nn.Parameter]:
        """See `Family`: none, as in torch, where nothing else is said."""
        return []


def _initial_layers(member: Member, task: Task) -> list[tuple[Tensor, Tensor]]:
    mlp, seed = Mlp.of(member), member.initialisation_seed
    if mlp.initialisation in CONSTRUCTED_STARTS:
        return constructed_start(mlp, task, seed)
    return initial_layers(mlp.sizes(task.dimension), seed, mlp.initialisation)


def layer_pieces(layers: Sequence[tuple[Tensor, Tensor]], dimension: int) -> list[Tensor]:
    """The weight blocks of layers, each given by its weight (outputs, inputs) and bias."""
    (first, first_bias), *further = layers
    vectors = 2 * dimension
    pieces = [torch.cat([first[:, :vectors], first_bias[:, None], first[:, vectors:]], dim=1)]
    for weight, bias in further:
        pieces += [weight, bias[:, None]]
    return pieces
