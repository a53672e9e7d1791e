"""The values that a field may have in a spec, wherever they stand; tolerates broken input."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from .domains import Choices
from .faults import KeyPath, Refused
from .rules import RULES
from .vocabulary import TASK_FIELDS


def given_values(data: Mapping[str, Any], name: str) -> list[Any]:
    """Return the values of `name` in a spec's grid, choices, fixed values or task.

    Where it stands nowhere, a task field's default; none for what lies in a range.
    """
    grid, space, fixed, task = (data.get(part) for part in ("grid", "space", "fixed", "task"))
    if isinstance(grid, Mapping) and name in grid:
        return _listed(grid[name])
    if isinstance(space, Mapping) and name in space:
        domain = space[name]
        if isinstance(domain, Choices):
            return list(domain.choices)
        return _listed(domain.get("choices")) if isinstance(domain, Mapping) else []
    if isinstance(fixed, Mapping) and name in fixed:
        return [fixed[name]]
    if name not in TASK_FIELDS:
        return []
    if isinstance(task, BaseModel):
        task = task.model_dump()
    value = task.get(name) if isinstance(task, Mapping) else None
    value = TASK_FIELDS[name].default if value is None else value
    return [] if value is None else [value]


def _listed(values: object) -> list[Any]:
    return list(values) if isinstance(values, list | tuple) else []


def whole_numbers(data: Mapping[str, Any], name: str) -> list[int]:
    """The positive whole numbers that `name` may have."""
    return [value for value in given_values(data, name) if type(value) is int and value > 0]


def dimensions(data: Mapping[str, Any]) -> list[int]:
    """The dimensions that a study may have: those given, and the ranks that stand for one."""
    return whole_numbers(data, "dimension") + whole_numbers(data, "rank")


def given_optimizers(data: Mapping[str, Any]) -> list[str]:
    """The names of optimisers that a trial may have."""
    return [each for each in given_values(data, "optimizer") if isinstance(each, str)]


def known_values(data: Mapping[str, Any], name: str) -> Iterator[tuple[KeyPath, Any]]:
    """The values that `name` may take, in the rule's type, each with its place.

    Of a range its ends. What the rule refuses is left out: that is said where it stands.
    """
    known = RULES[name]
    for path, value in _places(data, name):
        try:
            yield path, known.check(value)
        except Refused:
            continue


def _places(data: Mapping[str, Any], name: str) -> Iterator[tuple[KeyPath, Any]]:
    grid, space, fixed, task = (_mapping(data.get(part)) for part in _SECTIONS)
    if isinstance(grid.get(name), list | tuple):
        yield from ((("grid", name, index), each) for index, each in enumerate(grid[name]))
    elif name in space:
        domain = _mapping(space[name])
        yield from ((("space", name, end), domain[end]) for end in ("low", "high") if end in domain)
        choices = domain.get("choices")
        if isinstance(choices, list | tuple):
            path = ("space", name, "choices")
            yield from (((*path, index), each) for index, each in enumerate(choices))
    elif name in fixed:
        yield ("fixed", name), fixed[name]
    elif name in TASK_FIELDS:
        yield ("task", name), task.get(name, TASK_FIELDS[name].default)


_SECTIONS = ("grid", "space", "fixed", "task")


def _mapping(section: object) -> Mapping[str, Any]:
    if isinstance(section, Mapping):
        return section
    return section.model_dump() if isinstance(section, BaseModel) else {}
