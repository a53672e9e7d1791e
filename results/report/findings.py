"""A search as all parts of a report see it: outcomes, and the axis and series they stand on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from spaces.vocabulary import Value

from .axis import Axis, at_value, main_axis
from .outcome import StudyOutcome, study_outcomes
from .reported import ReportedSearch

_WORDS: Mapping[tuple[str, Value], str] = {
    ("multiplication", True): "with the product as an input",
    ("multiplication", False): "without the product as an input",
}
"""How people say some grid values, in place of name = value."""


@dataclass(frozen=True, kw_only=True)
class Series:
    """The studies that differ in nothing but their value on the main axis, in its order."""

    words: str
    """What they have in common, as a sentence begins with it; empty where there is but one."""
    label: str
    """The same, short."""
    outcomes: Sequence[StudyOutcome]

    @property
    def exact(self) -> bool:
        """Whether all that it reached is no more than rounding."""
        return all(outcome.exact for outcome in self.outcomes)


@dataclass(frozen=True, kw_only=True)
class Findings:
    """A search and what came of it."""

    search: ReportedSearch
    outcomes: Sequence[StudyOutcome]
    axis: Axis

    @cached_property
    def series(self) -> Sequence[Series]:
        """The studies by what they have in common beside their place on the axis."""
        varied = varied_names(self.outcomes, without=[self.axis.name])
        groups: dict[tuple[Value, ...], list[StudyOutcome]] = {}
        for outcome in self.outcomes:
            key = tuple(outcome.study.grid[name] for name in varied)
            groups.setdefault(key, []).append(outcome)
        return [_series(varied, found, self.axis) for found in groups.values()]

    def at(self, outcome: StudyOutcome) -> str:
        """Where a study stands, in a sentence: d = 8; its label where there is no axis."""
        axis, study = self.axis, outcome.study
        return at_value(axis.name, axis.texts[axis.value(study)]) if axis.name else study.label

    def short(self, outcome: StudyOutcome) -> str:
        """The same without the name: 8."""
        axis, study = self.axis, outcome.study
        return axis.texts[axis.value(study)]

    def place(self, outcome: StudyOutcome) -> str:
        """A study in a sentence, apart from all others: d = 8, without the product as an input."""
        common = next(each.label for each in self.series if outcome in each.outcomes)
        return ", ".join(filter(None, [self.at(outcome), common]))


def findings_of(search: ReportedSearch) -> Findings:
    """Take in a search's tables."""
    return Findings(search=search, outcomes=study_outcomes(search), axis=main_axis(search.studies))


def varied_names(outcomes: Sequence[StudyOutcome], *, without: Sequence[str] = ()) -> list[str]:
    """The grid's names that have several values among these studies, in the grid's order."""
    names = outcomes[0].study.grid if outcomes else ()
    return [
        name
        for name in names
        if name not in without and len({outcome.study.grid[name] for outcome in outcomes}) > 1
    ]


def _series(varied: Sequence[str], found: Sequence[StudyOutcome], axis: Axis) -> Series:
    study = found[0].study
    plain = [at_value(name, study.shown[name]) for name in varied if not _said(study.grid, name)]
    said = [_WORDS[name, study.grid[name]] for name in varied if _said(study.grid, name)]
    words = " ".join([*([f"with {' and '.join(plain)}"] if plain else []), *said])
    return Series(
        words=words,
        label=", ".join([*plain, *said]),
        outcomes=sorted(found, key=lambda outcome: axis.place(outcome.study)),
    )


def _said(grid: Mapping[str, Value], name: str) -> bool:
    return (name, grid[name]) in _WORDS
