"""What a network has to learn, and with how many units: what a construction depends on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from spaces.vocabulary import layer_units


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """The task and the size of a network.

    `layer_sizes` are the units of each hidden layer, from the input to the output; `scale` is what
    the inputs' components are multiplied with. It changes a construction's weights, not its nmse.
    """

    target: str
    inputs: str
    data: str = "stream"
    dimension: int
    scale: float = 1.0
    multiplication: bool
    layer_sizes: tuple[int, ...]
    activation: str

    @classmethod
    def of(cls, columns: Mapping[str, Any]) -> Self:
        """That of a row of `TRIALS` or of `SUMMARY`, or of a task and hyperparameters together."""
        return cls(
            target=columns["target"],
            inputs=columns["inputs"],
            data=columns["data"],
            dimension=int(columns["dimension"] or 0),  # null, as the scale, with a table
            scale=float(columns["scale"] or 0.0),
            multiplication=bool(columns["multiplication"]),
            layer_sizes=layer_units(columns["layer_sizes"] or ""),  # null without layers
            activation=columns["activation"],
        )
