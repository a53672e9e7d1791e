"""Studies: one for every combination of the grid's values."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

from .domains import Domain
from .spec import Spec
from .vocabulary import HYPERPARAMETERS, TASK_FIELDS, Value


@dataclass(frozen=True, kw_only=True)
class Study:
    """One combination of the grid: a search of its own, with its own budget."""

    name: str
    """``dimension=8,multiplication=false``, in the grid's order; unique within the spec."""
    grid: Mapping[str, Value]
    """The values that make this study, in the grid's order; may be empty."""
    task: Mapping[str, Value]
    """dimension, then target, inputs, scale, label_noise_std, data."""
    space: Mapping[str, Domain]
    """What is suggested for each trial."""
    fixed: Mapping[str, Value]
    """Every hyperparameter outside the space that an optimiser may use: with what is suggested they
    are complete."""


def studies(spec: Spec) -> tuple[Study, ...]:
    """Return the spec's studies, the grid's last key varying fastest."""
    combinations = itertools.product(*spec.grid.values())
    return tuple(_study(spec, dict(zip(spec.grid, values, strict=True))) for values in combinations)


def _study(spec: Spec, grid: dict[str, Value]) -> Study:
    given = spec.fixed | grid
    dimension = {"dimension": given["dimension"]}
    task = spec.task.model_dump() | grid
    return Study(
        name=",".join(f"{key}={_text(value)}" for key, value in (grid or dimension).items()),
        grid=grid,
        task=dimension | {key: task[key] for key in TASK_FIELDS},
        space=dict(spec.space),
        fixed={name: given[name] for name in HYPERPARAMETERS if name in given},
    )


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
