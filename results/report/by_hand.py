"""The nmse of networks with weights set by hand, over their number of parameters."""

from collections.abc import Iterable, Iterator

from spaces.vocabulary import input_count, layers_text, parameter_count

from ..constructions import Configuration, constructed_nmse
from ..rows import TrialRow

_WIDTHS = sorted({round(2 ** (half_octave / 2)) for half_octave in range(25)})
"""The same for every task, whose networks then need be built once."""
_DEEPEST = 3
"""Deeper networks need more parameters for the same nmse where they are as small as these."""


def by_hand_line(trials: Iterable[TrialRow], most_parameters: int) -> list[tuple[int, float]]:
    """Return (parameters, nmse) of the networks that no smaller one beats, the smallest first.

    Args:
        trials: Those of one task: the networks have their inputs and activations.
        most_parameters: Where the line ends.
    """
    kinds = {(row.column("multiplication"), row.column("activation")): row for row in trials}
    networks = (each for row in kinds.values() for each in _networks(row, most_parameters))
    best = float("inf")
    line: list[tuple[int, float]] = []
    for parameters, nmse in sorted(networks):
        if nmse < best:
            best = nmse
            line.append((parameters, nmse))
    return line


def _networks(row: TrialRow, most_parameters: int) -> Iterator[tuple[int, float]]:
    known = {**row.task, **row.hyperparameters}
    multiplication = bool(row.column("multiplication"))
    inputs = input_count(row.column("dimension") or 0, multiplication)  # null with a table
    for depth in range(1, _DEEPEST + 1):
        for width in _WIDTHS:
            parameters = parameter_count(inputs=inputs, units=(width,) * depth)
            if parameters > most_parameters:
                break
            layers = layers_text((width,) * depth)
            nmse = constructed_nmse(Configuration.of({**known, "layer_sizes": layers}))
            if nmse is not None:
                yield parameters, nmse
