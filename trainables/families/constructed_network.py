"""The best network by hand that is known, as a plain module."""

from typing import TYPE_CHECKING

import torch

from ..pack import Task
from .mlp_network import Network

if TYPE_CHECKING:
    from .mlp import Mlp


def constructed_network(mlp: "Mlp", task: Task) -> Network:
    """Build the network whose nmse is the `constructed_nmse` of rows, float64, on the CPU.

    Layers are as large as the configuration has them: the units that aren't needed are 0.

    Raises:
        ValueError: where none is known.
    """
    # Not above: results brings pandas along, which nothing else in training needs.
    from results.constructions import Configuration, constructed_layers

    layers = constructed_layers(
        Configuration(
            target=task.target,
            inputs=task.inputs,
            dimension=task.dimension,
            scale=task.scale,
            multiplication=mlp.multiplication,
            layer_sizes=mlp.layer_sizes,
            activation=mlp.activation,
        )
    )
    if layers is None:
        raise ValueError(f"no network by hand is known for {mlp} on {task}")
    sizes = mlp.sizes(task.dimension)
    filled = []
    for inputs, outputs, layer in zip(sizes, sizes[1:], layers, strict=False):
        weight = torch.zeros(outputs, inputs, dtype=torch.float64)
        bias = torch.zeros(outputs, dtype=torch.float64)
        used_outputs, used_inputs = layer.weights.shape
        weight[:used_outputs, :used_inputs] = torch.from_numpy(layer.weights)
        bias[:used_outputs] = torch.from_numpy(layer.biases)
        filled.append((weight, bias))
    return Network(filled, activation=mlp.activation, multiplication=mlp.multiplication)
