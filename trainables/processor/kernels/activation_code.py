"""The activations within kernels; the names are those of `families.activation_modules`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .code import Code, Value
from .elementary import normal_distribution, sigmoid, tanh


@dataclass(frozen=True, kw_only=True)
class ActivationCode:
    """How an activation is computed.

    `forward(code, x)` gives its value and, where `keeps_derivative`, its derivative, else None.
    `in_registers`: short enough to be written out for every vector of a tile.
    `backward(code, delta, kept)` gives delta times the derivative; `kept` is the derivative where
    it was kept, else the value.
    """

    keeps_derivative: bool
    in_registers: bool = False
    forward: Callable[[Code, Value], tuple[Value, Value | None]]
    backward: Callable[[Code, Value, Value], Value]


def _silu(code: Code, x: Value) -> tuple[Value, Value]:
    share, rest = sigmoid(code, x)
    return x * share, share * code.fma(x, rest, 1.0)


def _gelu(code: Code, x: Value) -> tuple[Value, Value]:
    distribution, density = normal_distribution(code, x)
    return x * distribution, code.fma(x, density, distribution)


ACTIVATION_CODE: Mapping[str, ActivationCode] = {
    "relu": ActivationCode(
        keeps_derivative=False,
        in_registers=True,
        forward=lambda code, x: (code.select(x < 0.0, 0.0, x), None),
        backward=lambda code, delta, kept: code.select(kept > 0.0, delta, 0.0),
    ),
    "gelu": ActivationCode(
        keeps_derivative=True,
        forward=_gelu,
        backward=lambda code, delta, kept: delta * kept,
    ),
    "silu": ActivationCode(
        keeps_derivative=True,
        forward=_silu,
        backward=lambda code, delta, kept: delta * kept,
    ),
    "tanh": ActivationCode(
        keeps_derivative=False,
        forward=lambda code, x: (tanh(code, x), None),
        backward=lambda code, delta, kept: delta * (1.0 - kept * kept),
    ),
}
