"""Which of the grid's values a figure runs over, and where each stands on it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from spaces.vocabulary import FIELDS, SEED, Value

from .reported import PlannedStudy

_MOST_UNEVEN = 0.1
"""Numbers whose smallest gap is a smaller share of their largest stand evenly, like words."""


@dataclass(frozen=True, kw_only=True)
class Axis:
    """The grid's values of one name, in order, with their places; gaps are 1 and more."""

    name: str
    """Empty where the grid has no name with two values: then every study stands for itself."""
    texts: Mapping[Value, str]
    places: Mapping[Value, float]
    ordered: bool
    """Whether the values are numbers: then one can grow with the other."""

    @property
    def title(self) -> str:
        """What stands below the axis."""
        label = FIELDS[self.name].label if self.name in FIELDS else ""
        words = self.name.replace("_", " ")
        return f"{words} {label}" if self.ordered and len(label) == 1 else words

    def value(self, study: PlannedStudy) -> Value:
        """The study's value on this axis."""
        return study.grid[self.name] if self.name else study.name

    def place(self, study: PlannedStudy) -> float:
        """Where the study stands."""
        return self.places[self.value(study)]


def main_axis(studies: Sequence[PlannedStudy]) -> Axis:
    """The axis of the name with the most values; of equal ones numbers first, then the first.

    Nothing is asked of seeds: they are the axis only where nothing else has two values.
    """
    values: dict[str, dict[Value, str]] = {}
    for study in studies:
        for name, value in study.grid.items():
            values.setdefault(name, {})[value] = study.shown[name]
    names = [name for name, found in values.items() if len(found) > 1]
    if not names:
        return _axis("", {study.name: study.label for study in studies})
    name = max(
        names,
        key=lambda name: (name != SEED.name, len(values[name]), _are_numbers(values[name])),
    )
    return _axis(name, values[name])


def shown_name(name: str) -> str:
    """A grid's name in a sentence: d, optimizer."""
    field = FIELDS.get(name)
    return (field.label if field else "") or name.replace("_", " ")


def at_value(name: str, text: str) -> str:
    """A grid's name and value in a sentence: d = 8, optimizer = adam."""
    return f"{shown_name(name)} = {text}"


def _axis(name: str, texts: Mapping[Value, str]) -> Axis:
    ordered = _are_numbers(texts)
    values = sorted(texts, key=float) if ordered else [*texts]
    places = _places([float(value) for value in values]) if ordered else None
    even = [float(index) for index in range(len(values))]
    return Axis(
        name=name,
        texts={value: texts[value] for value in values},
        places=dict(zip(values, places or even, strict=True)),
        ordered=ordered,
    )


def _are_numbers(values: Mapping[Value, str]) -> bool:
    return all(isinstance(value, int | float) and type(value) is not bool for value in values)


def _places(numbers: Sequence[float]) -> list[float] | None:
    """The numbers or their logarithms, whichever stand more evenly, the smallest gap as 1."""
    scales = [[*numbers]]
    if numbers[0] > 0:
        scales.append([math.log(number) for number in numbers])
    scale = max(scales, key=_evenness)
    if _evenness(scale) < _MOST_UNEVEN:
        return None
    gap = min((above - below for below, above in pairwise(scale)), default=1.0)
    return [(number - scale[0]) / gap for number in scale]


def _evenness(numbers: Sequence[float]) -> float:
    gaps = [above - below for below, above in pairwise(numbers)]
    return min(gaps) / max(gaps) if gaps else 1.0
