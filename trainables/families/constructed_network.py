"""The best network by hand that is known, as a plain module."""

from itertools import pairwise

import torch

from ..pack import Task
from .constructed_start import layers_by_hand, put_over
from .mlp import Mlp
from .mlp_network import Network


def constructed_network(mlp: Mlp, task: Task) -> Network:
    """Build the network whose nmse is the `constructed_nmse` of rows, float64, on the CPU.

    Its layers are as large as the configuration has them: units that aren't needed are 0.

    Raises:
        ValueError: where none is known.
    """
    layers = [
        (torch.zeros(outputs, inputs).double(), torch.zeros(outputs).double())
        for inputs, outputs in pairwise(mlp.sizes(task.dimension))
    ]
    put_over(layers, layers_by_hand(mlp, task, folding=True))
    return Network(layers, activation=mlp.activation, multiplication=mlp.multiplication)
