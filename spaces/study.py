"""Studies: one for every combination of the grid's values."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .domains import Choices, Domain
from .epoch_steps import steps_of
from .faults import SpecError
from .label_scale import scale_of
from .layer_expressions import layers_at
from .network_size import largest_width
from .pool_pairs import training_pairs
from .spec import Spec
from .vocabulary import (
    EMB_SZ_RULE,
    HYPERPARAMETERS,
    POOLED_DATA,
    TASK_COLUMNS,
    TASK_FIELDS,
    Value,
    emb_sz_rule,
    embedding_rows,
    input_count,
)


@dataclass(frozen=True, kw_only=True)
class Study:
    """One combination of the grid: a search of its own, with its own budget."""

    name: str
    """``dimension=8,multiplication=false``, in the grid's order; unique within the spec."""
    grid: Mapping[str, Value]
    """The values that make this study, in the grid's order; may be empty."""
    task: Mapping[str, Value | None]
    """The dimension, then the other fields of the task; null for what its data doesn't have."""
    space: Mapping[str, Domain]
    """What is suggested for each trial."""
    seed: int
    """The grid's or the spec's: what all others of the study are derived from."""
    fixed: Mapping[str, Value]
    """Every hyperparameter outside the space that an optimiser may use: with what is suggested they
    are complete. Steps stand for epochs; layer sizes and factors are numbers, here and in the
    space."""


def studies(spec: Spec) -> tuple[Study, ...]:
    """Return the spec's studies, the grid's last key varying fastest.

    Raises SpecError where its data is a table that has not been read yet.
    """
    combinations = itertools.product(*spec.grid.values())
    return tuple(_study(spec, dict(zip(spec.grid, values, strict=True))) for values in combinations)


def _study(spec: Spec, grid: dict[str, Value]) -> Study:
    given: dict[str, Any] = spec.fixed | grid
    of_task = spec.task.model_dump() | grid
    if of_task["data"] == "modes":
        given["dimension"] = of_task["rank"]
    dimension = given.get("dimension")
    task = _task(of_task, dimension)
    if "epochs" in given:
        given["steps"] = steps_of(
            given.pop("epochs"), pairs=task["pairs"], batch_size=given["batch_size"]
        )
    if "parameters" in given:
        inputs = input_count(int(dimension or 0), given["multiplication"])
        given["width"] = largest_width(given.pop("parameters"), inputs=inputs, depth=given["depth"])
    if "layer_sizes" in given:
        given["layer_sizes"] = layers_at(given["layer_sizes"], dimension)
    space = {name: _at(domain, name, dimension, task) for name, domain in spec.space.items()}
    if given.get("factors") == EMB_SZ_RULE:
        given["factors"] = _factors_of(task)
    return Study(
        name=study_name(
            grid or ({"data": "table"} if dimension is None else {"dimension": dimension})
        ),
        grid=grid,
        task={key: ({"dimension": dimension} | task)[key] for key in TASK_COLUMNS},
        seed=int(grid.get("seed", spec.seed)),
        space=space,
        fixed={name: given[name] for name in HYPERPARAMETERS if name in given},
    )


def _task(given: dict[str, Any], dimension: int | None) -> dict[str, Any]:
    """The fields of the task, with those that follow from others."""
    task = dict(given)
    for name, field in TASK_FIELDS.items():
        other = field.of_data and task["data"] not in field.of_data
        if other or task["data"] in field.not_of_data:
            task[name] = None
        elif field.follows and task[name] is None:
            task[name] = task[field.follows]
    if task["data"] in POOLED_DATA:
        task["pairs"] = training_pairs(task["users"], task["pairs_per_user"])
    if task["data"] == "modes":
        task |= dict.fromkeys(("users", "items", "pairs_per_user"), task["values"])
        task["pairs"] = task["values"] ** 2
    of_table = ("fingerprint", "users", "items", "pairs")
    if task["data"] == "table" and any(task[name] is None for name in of_table):
        rule = "task.table: must be read before there are studies"
        raise SpecError([f"{rule}; `dottune plan` and `run`, and `search.run_search`, do it"])
    if task["label_std"] is not None and dimension is not None:
        task["scale"] = scale_of(task["label_std"], dimension)
    return task


def _at(
    domain: Domain, name: str, dimension: int | None, task: Mapping[str, Value | None]
) -> Domain:
    """The domain in a study, where layer sizes and factors are numbers."""
    if name == "layer_sizes" and isinstance(domain, Choices):
        return Choices(choices=[layers_at(str(choice), dimension) for choice in domain.choices])
    if name == "factors" and isinstance(domain, Choices):
        factors = [_factors_of(task) if each == EMB_SZ_RULE else each for each in domain.choices]
        return Choices(choices=[*dict.fromkeys(factors)])  # the rule may give one that is there
    return domain


def _factors_of(task: Mapping[str, Value | None]) -> int:
    """As many as the rule gives for the larger of both kinds: a dot product has as many of each."""
    numbers = (int(task[kind] or 0) for kind in ("users", "items"))
    return emb_sz_rule(embedding_rows(task["data"], max(numbers)))


def study_name(grid: Mapping[str, Value]) -> str:
    """Return the name of the study with these values.

    >>> study_name({"dimension": 8, "multiplication": False})
    'dimension=8,multiplication=false'
    """
    return ",".join(f"{key}={_text(value)}" for key, value in grid.items())


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
