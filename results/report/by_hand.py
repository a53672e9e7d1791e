"""The nmse of networks with weights set by hand, over their number of parameters."""

from collections.abc import Iterator

from spaces.vocabulary import input_count, layers_text, parameter_count

from ..constructions import Configuration, constructed_nmse
from ..rows import TrialRow

_WIDTHS = sorted({round(2 ** (half_octave / 2)) for half_octave in range(25)})
"""The same for every task, whose networks then need be built once."""
_DEEPEST = 3
"""Deeper networks need more parameters for the same nmse where they are as small as these."""


def by_hand_line(row: TrialRow, most_parameters: int) -> list[tuple[int, float]]:
    """Return (parameters, nmse) of the networks that no smaller one beats, the smallest first.

    Args:
        row: A trial that learns the same from the same input, with the same activation.
        most_parameters: Where the line ends.
    """
    best = float("inf")
    line: list[tuple[int, float]] = []
    for parameters, nmse in sorted(_networks(row, most_parameters)):
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
