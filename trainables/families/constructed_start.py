"""Initial weights of which a part is set by hand."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..pack import Task
from .mlp_initial_weights import initial_layers

if TYPE_CHECKING:
    from results.constructions import Layer

    from .mlp import Mlp

CONSTRUCTED_STARTS: Mapping[str, bool] = {"constructed": False, "folded": True}
"""Name -> whether further hidden layers fold, or carry on what the first one holds."""


def constructed_start(mlp: "Mlp", task: Task, seed: int) -> list[tuple[Tensor, Tensor]]:
    """The weight (outputs, inputs) and the bias (outputs,) of every layer, float32, on the CPU.

    All are drawn from the seed as torch's, and the units that the network by hand has are put over
    the first of them. They read nothing of the others, nor does the output: so it begins with that
    network's loss, and the others with gradients of 0 but for what reads them.

    Raises:
        ValueError: where no network by hand is known.
    """
    layers = initial_layers(mlp.sizes(task.dimension), seed, "torch")
    by_hand = layers_by_hand(mlp, task, folding=CONSTRUCTED_STARTS[mlp.initialisation])
    put_over(layers, by_hand)
    return layers


def layers_by_hand(mlp: "Mlp", task: Task, *, folding: bool) -> list["Layer"]:
    """The layers of the network by hand, without the units that it doesn't need.

    Raises:
        ValueError: where none is known.
    """
    # Not above: results brings pandas along, which nothing else in training needs.
    from results.constructions import Configuration, constructed_layers

    configuration = Configuration(
        target=task.target,
        inputs=task.inputs,
        data=task.data,
        dimension=task.dimension,
        scale=task.scale,
        multiplication=mlp.multiplication,
        layer_sizes=mlp.layer_sizes,
        activation=mlp.activation,
    )
    layers = constructed_layers(configuration, folding=folding)
    if layers is None:
        raise ValueError(f"no network by hand is known for {mlp} on {task}")
    return layers


def put_over(layers: Sequence[tuple[Tensor, Tensor]], by_hand: Sequence["Layer"]) -> None:
    """Write a network by hand into the first units of larger layers."""
    for (weight, bias), layer in zip(layers, by_hand, strict=True):
        outputs, inputs = layer.weights.shape
        weight[:outputs] = 0
        weight[:outputs, :inputs] = torch.from_numpy(layer.weights)
        bias[:outputs] = torch.from_numpy(layer.biases)
