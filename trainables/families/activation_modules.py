"""The activations as torch has them: the reference of every engine. Each maps 0 to 0."""

from collections.abc import Callable, Mapping

from torch import nn

ACTIVATION_MODULES: Mapping[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
}
