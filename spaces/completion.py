"""What a spec leaves out, filled in: defaults, and the short ways to write its data."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from .given_values import given_optimizers, given_values
from .pack_size import DEFAULT_TRIALS, chosen_pack_size
from .rules import HYPERPARAMETERS
from .vocabulary import FIELDS, TASK_FIELDS, unused_hyperparameters


def completed(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return `data` with defaults in `fixed` for what stands nowhere; tolerates broken input."""
    filled = {
        key: dict(value) if isinstance(value, Mapping) else value for key, value in data.items()
    }
    for section in ("grid", "space", "fixed"):
        if filled.get(section) is None:
            filled[section] = {}
    _complete_task(filled)
    _complete_budget(filled)
    grid, space, fixed = filled["grid"], filled["space"], filled["fixed"]
    if all(isinstance(section, dict) for section in (grid, space, fixed)):
        given = grid.keys() | space.keys() | fixed.keys()
        following = {
            other for name, field in FIELDS.items() if name in given for other in field.instead_of
        }
        defaults = {
            name: known.default
            for name, known in HYPERPARAMETERS.items()
            if known.default is not None and name not in given | following
        }
        known = {**filled, "fixed": defaults | fixed}
        unused = unused_hyperparameters(
            given_optimizers(known), given_values(known, "model"), given_values(known, "data")
        )
        defaults = {name: value for name, value in defaults.items() if name not in unused}
        filled["fixed"] = defaults | fixed
    return filled


def _complete_budget(completed: dict[str, Any]) -> None:
    """Write how many trials there are, and the size of a pack where what settles it is sound."""
    budget, resources = (_given(completed.get(name, {})) for name in ("budget", "resources"))
    if not isinstance(budget, dict) or not isinstance(resources, dict):
        return
    alone = budget.get("time") is not None  # a time in place of trials
    budget = {"trials": None if alone else DEFAULT_TRIALS, **budget}
    trials, gpus = budget["trials"], resources.get("gpus", 0)
    sound = isinstance(trials, int | None) and (isinstance(gpus, int | float) or gpus == "auto")
    if budget.get("pack_size", "auto") == "auto" and sound:
        budget["pack_size"] = chosen_pack_size(trials=trials, gpus=0 if gpus == "auto" else gpus)
    completed["budget"] = budget


def _given(section: object) -> object:
    """A section without its defaults."""
    return section.model_dump(exclude_unset=True) if isinstance(section, BaseModel) else section


def _complete_task(completed: dict[str, Any]) -> None:
    """Write out `data: {fixed: 1024}`, and the defaults of what the source of the data reads."""
    task, grid = _given(completed.setdefault("task", {})), completed["grid"]
    if not isinstance(task, dict) or not isinstance(grid, dict):
        return
    written = _written_out(task.get("data"))
    # What stands beside it counts, as `--set task.pairs=64` puts it there.
    task = {**task, **{name: each for name, each in written.items() if task.get(name) is None}}
    task |= {"data": written["data"]} if written else {}
    completed["task"] = task
    sources = {each for each in given_values(completed, "data") if isinstance(each, str)}
    for name, field in TASK_FIELDS.items():
        if sources and sources <= set(field.not_of_data):
            task.setdefault(name, None)
        elif field.not_of_data and name in task and task[name] is None:
            del task[name]  # what other data has is never null, but where another says it
        if sources & set(field.of_data) and field.default is not None and name not in grid:
            task.setdefault(name, field.default)
        if name in grid or task.get(name) is not None:
            following = (other for other in field.instead_of if other in TASK_FIELDS)
            task |= {other: None for other in following if other not in task}


def _written_out(data: object) -> dict[str, Any]:
    """The fields of the task that `{fixed: 1024, shuffle: false}` stands for; none of other data.

    Beside the name of the source may stand what else it reads; under it the number of pairs, the
    table, or again what it reads.
    """
    if not isinstance(data, Mapping):
        return {}
    source = next((name for name in FIELDS["data"].names if name in data), None)
    inner = data.get(source)
    read = {name for name, field in TASK_FIELDS.items() if source in field.of_data}
    inner = dict(inner) if isinstance(inner, Mapping) else {_main(source, read): inner}
    inner |= {name: value for name, value in data.items() if name != source}
    return {"data": source, **inner} if inner.keys() <= read else {}


def _main(source: str | None, read: set[str]) -> str:
    """The field whose value may stand under the name of its source."""
    return source if source in read else "pairs"
