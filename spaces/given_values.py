"""The values that a field may have in a spec, wherever they stand; tolerates broken input."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from .domains import Choices
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
