"""The smallest networks known to reach an nmse: of those that a search trained, and by hand."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal, Self

import pyarrow
import pyarrow.compute

from results.constructions import Configuration, constructed_nmse
from spaces.vocabulary import input_count, layers_text, parameter_count

MOST_DEPTH, MOST_WIDTH = 4, 256
"""Networks by hand are sought up to these."""

How = Literal["trained", "by hand"]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Networks of what input, at what dimension, are to reach what."""

    dimension: int
    multiplication: bool
    nmse: float


@dataclass(frozen=True, kw_only=True)
class KnownNetwork:
    """A network that reaches an nmse, for the dot product of normal vectors."""

    how: How
    layer_sizes: str
    parameters: int
    nmse: float
    """Of a trial that was confirmed the median of its replicates."""
    replicates: int = 0
    """How many; 0 of a trial that was measured once, and by hand."""
    row: Mapping[str, Any] | None = None
    """The trial's row of `TRIALS`; None by hand."""

    @classmethod
    def of(cls, row: Mapping[str, Any], replicates: list[float]) -> Self:
        """A trial, with the nmse of its replicates."""
        return cls(
            how="trained",
            layer_sizes=row["layer_sizes"],
            parameters=row["parameters"],
            nmse=median(replicates) if replicates else row["nmse"],
            replicates=len(replicates),
            row=row,
        )


def smallest_trained(trials: pyarrow.Table, asked: Asked) -> KnownNetwork | None:
    """Return the trial with the fewest parameters that reaches it; of equal ones the better."""
    reached = (each for each in _trained(trials, asked) if each.nmse <= asked.nmse)
    return min(reached, key=lambda each: (each.parameters, each.nmse), default=None)


def best_trained(trials: pyarrow.Table, asked: Asked) -> KnownNetwork | None:
    """Return the trial with the lowest nmse, whatever was asked; None where there is none."""
    return min(_trained(trials, asked), key=lambda each: each.nmse, default=None)


def smallest_by_hand(asked: Asked) -> KnownNetwork | None:
    """Return the network with the fewest parameters whose weights by hand reach it.

    Of ReLU networks with up to `MOST_DEPTH` hidden layers of one width up to `MOST_WIDTH`.
    """
    found: KnownNetwork | None = None
    for depth in range(MOST_DEPTH + 1):
        found = min(
            filter(None, (found, _by_hand(asked, depth, found))), key=_parameters, default=None
        )
    return found


def dimensions_of(trials: pyarrow.Table, *, multiplication: bool) -> list[int]:
    """Those at which something was trained to its end with that input, ascending."""
    of_input = trials.filter(pyarrow.compute.field("multiplication") == multiplication)
    return sorted({*_completed(of_input)["dimension"].to_pylist()})


def _by_hand(asked: Asked, depth: int, smallest: KnownNetwork | None) -> KnownNetwork | None:
    """The narrowest of a depth that reaches it, if it has fewer parameters than `smallest`."""
    inputs = input_count(asked.dimension, asked.multiplication)
    for width in range(1, MOST_WIDTH + 1) if depth else [0]:
        units = (width,) * depth
        parameters = parameter_count(inputs=inputs, units=units)
        if smallest is not None and parameters >= smallest.parameters:
            return None
        nmse = constructed_nmse(_configuration(asked, units))
        if nmse is not None and nmse <= asked.nmse:
            return KnownNetwork(
                how="by hand", layer_sizes=layers_text(units), parameters=parameters, nmse=nmse
            )
    return None


def _configuration(asked: Asked, units: tuple[int, ...]) -> Configuration:
    return Configuration(
        target="dot",
        inputs="normal",
        dimension=asked.dimension,
        multiplication=asked.multiplication,
        layer_sizes=units,
        activation="relu",
    )


def _trained(trials: pyarrow.Table, asked: Asked) -> Iterator[KnownNetwork]:
    """The completed trials of that input and dimension, each with what its replicates reached."""
    field = pyarrow.compute.field
    of_task = trials.filter(
        (field("dimension") == asked.dimension) & (field("multiplication") == asked.multiplication)
    )
    replicates: dict[tuple[str, int], list[float]] = {}
    confirmed = of_task.filter((field("phase") == "confirm") & (field("steps_factor") == 1))
    for row in confirmed.select(["study", "trial", "nmse"]).to_pylist():
        nmse = float("inf") if row["nmse"] is None else row["nmse"]
        replicates.setdefault((row["study"], row["trial"]), []).append(nmse)
    for row in _completed(of_task).to_pylist():
        yield KnownNetwork.of(row, replicates.get((row["study"], row["trial"]), []))


def _completed(trials: pyarrow.Table) -> pyarrow.Table:
    """The completed trials whose task is the dot product of fresh normal vectors."""
    field = pyarrow.compute.field
    return trials.filter(
        (field("phase") == "search")
        & (field("status") == "completed")
        & (field("target") == "dot")
        & (field("inputs") == "normal")
        & (field("data") == "stream")
    )


def _parameters(network: KnownNetwork) -> int:
    return network.parameters
