"""The studies that learn the same from the same input, whatever their networks' size."""

from collections.abc import Sequence
from typing import Any

from spaces.vocabulary import FIELDS

from .outcome import StudyOutcome
from .panels import MOST_PANELS, chosen

_LAYERS = {"depth", "width"}
SIZES = _LAYERS | {name for name, field in FIELDS.items() if _LAYERS & {*field.instead_of}}
"""The names of the grid that settle a network's size."""

Group = Sequence[StudyOutcome]


def by_task(outcomes: Sequence[StudyOutcome]) -> list[Group]:
    """Return the studies that have trials, those together that differ in nothing but size."""
    groups: dict[tuple[Any, ...], list[StudyOutcome]] = {}
    for outcome in outcomes:
        if outcome.trials:
            key = tuple(value for name, value in outcome.study.grid.items() if name not in SIZES)
            groups.setdefault(key, []).append(outcome)
    return [*groups.values()]


def task_title(group: Group) -> str:
    """What a group of studies has in common, short: d=8 mult=no."""
    study = group[0].study
    parts = dict(zip(study.grid, study.label.split(" "), strict=False))
    return " ".join(part for name, part in parts.items() if name not in SIZES) or study.label


def chosen_groups(groups: Sequence[Group]) -> tuple[Sequence[Group], Sequence[Group]]:
    """Return the groups to show at once and those to fold, by the best study of each."""
    best = {id(_best(group)): group for group in groups}
    shown, folded = chosen([_best(group) for group in groups])
    assert len(shown) <= MOST_PANELS
    return [best[id(each)] for each in shown], [best[id(each)] for each in folded]


def _best(group: Group) -> StudyOutcome:
    return min(group, key=lambda each: float("inf") if each.reached is None else each.reached)
