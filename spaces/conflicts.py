"""Faults of a spec that none of its sections sees alone."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from .constructed_start import constructed_start_faults
from .epoch_steps import steps_of
from .faults import Fault, KeyPath, Refused
from .float32 import float32_faults
from .given_values import dimensions, given_optimizers, given_values, whole_numbers
from .layer_expressions import layers_at
from .pool_pairs import pool_faults, training_pairs
from .rules import HYPERPARAMETERS, TASK_FIELDS
from .vocabulary import (
    EMBEDDED_DATA,
    FIELDS,
    MODELS,
    input_count,
    uniform_parameter_count,
    unused_hyperparameters,
)


def conflicts(data: Mapping[str, Any]) -> list[Fault]:
    """Return the faults that no section sees alone; `data` is completed and may be broken."""
    task = data.get("task")
    task = task.model_dump(exclude_unset=True) if isinstance(task, BaseModel) else task or {}
    places = {name: data[name] for name in ("grid", "space", "fixed")} | {"task": task}
    if not all(isinstance(place, Mapping) for place in places.values()):
        return []
    places["task"] = {name: value for name, value in task.items() if value is not None}
    faults = []
    for name in (*HYPERPARAMETERS, *TASK_FIELDS):
        found = [place for place, keys in places.items() if name in keys]
        if len(found) > 1:
            next_step = f"keep one (--set {found[0]}.{name}=null drops that one)"
            rule = f"stands in {' and '.join(found)}, but may stand in one place only"
            faults.append(Fault(path=(name,), rule=rule, next_step=next_step))
    given = any({"dimension", "rank"} & keys.keys() for keys in places.values())
    if not given and given_values(data, "data") not in (["modes"], ["table"]):
        next_step = "put it in grid (dimension: [1, 2, 4]) or in fixed (dimension: 8)"
        faults.append(Fault(path=("dimension",), rule="missing", next_step=next_step))
    if "seed" in data and "seed" in data["grid"]:
        rule = "stands in grid and at the top of the spec, but may stand in one place only"
        next_step = "keep one (--set seed=null drops the latter, --set grid.seed=null the former)"
        faults.append(Fault(path=("seed",), rule=rule, next_step=next_step))
    return [
        *faults,
        *_endless_faults(data),
        *_instead_faults(places),
        *_unused_faults(data),
        *_embedding_faults(data),
        *_data_faults(data, places),
        *pool_faults(
            **{name: whole_numbers(data, name) for name in ("users", "items", "pairs_per_user")}
        ),
        *_label_std_faults(data),
        *_layers_faults(data),
        *_parameters_faults(data),
        *_grace_faults(data),
        *constructed_start_faults(data),
        *float32_faults(data),
    ]


def _endless_faults(data: Mapping[str, Any]) -> list[Fault]:
    """The fault of a budget that ends at no number of trials and at no time."""
    budget = data.get("budget")
    if not isinstance(budget, Mapping) or budget.get("trials", 0) is not None or budget.get("time"):
        return []
    next_step = "write a number (trials: 64), or give a time (--set budget.time=2h)"
    rule = "must be a number where no budget.time ends the search"
    return [Fault(path=("budget", "trials"), rule=rule, got=None, next_step=next_step)]


def _instead_faults(places: Mapping[str, Any]) -> list[Fault]:
    """Faults of hyperparameters given beside one that they follow from."""
    where = {name: place for place, keys in places.items() for name in keys if name in FIELDS}
    return [
        Fault(
            path=(where[other], other),
            rule=f"must not be given beside {where[name]}.{name}, from which it follows",
            next_step=f"leave out one of the two (--set {where[other]}.{other}=null)",
        )
        for name in where
        for other in FIELDS[name].instead_of
        if other in where
    ]


def _data_faults(data: Mapping[str, Any], places: Mapping[str, Any]) -> list[Fault]:
    """Faults of what only some sources of data have."""
    sources = [source for source in given_values(data, "data") if isinstance(source, str)]
    faults: list[Fault] = []
    for name, field in FIELDS.items():
        place = next((place for place, keys in places.items() if name in keys), None)
        if place and sources and {*sources} <= {*field.not_of_data}:
            rule = f"no data of this search has it ({', '.join(sources)})"
            faults.append(Fault(path=(place, name), rule=rule, next_step="leave it out"))
        if not field.of_data:
            continue
        read = set(sources) & set(field.of_data)
        readers = " or ".join(field.of_data)
        if place and not read:
            rule = f"no data of this search has it ({', '.join(sources)})"
            next_step = f"leave it out, or let data be {readers}"
            faults.append(Fault(path=(place, name), rule=rule, next_step=next_step))
        elif (
            read - {*field.optional_with}
            and not place
            and field.default is None
            and not field.follows
        ):
            given = [each for each in field.of_data if each in read]
            rule, example = f"missing, with data {given[0]}", _DATA_EXAMPLES[given[0]]
            next_step = f"write data: {example}"
            faults.append(Fault(path=("task", name), rule=rule, next_step=next_step))
    if endless_sources := sorted({*sources} - {*FIELDS["shuffle"].of_data}):
        endless = f"needs data that comes again, and the pairs of {endless_sources[0]} never do"
        next_step = "let data be {fixed: 1024}, or give steps"
        if given_values(data, "epochs"):
            faults.append(Fault(path=("epochs",), rule=endless, next_step=next_step))
        if data.get("early_stopping") is not None:
            next_step = "let data be {fixed: 1024}, or write early_stopping: null"
            faults.append(Fault(path=("early_stopping",), rule=endless, next_step=next_step))
    elif whole_numbers(data, "batch_size") and _training_pairs(data):
        largest, fewest = max(whole_numbers(data, "batch_size")), min(_training_pairs(data))
        if largest > fewest:
            rule = f"must not exceed the fewest training pairs ({fewest})"
            next_step = f"write {fewest}: an epoch is one step then"
            faults.append(Fault(path=("batch_size",), rule=rule, got=largest, next_step=next_step))
    return faults


_DATA_EXAMPLES = {
    "fixed": "{fixed: 1024}",
    "pool": "{pool: {users: 4000, pairs_per_user: 100}}",
    "planted": "{planted: {users: 1000, pairs_per_user: 100}}",
    "modes": "{modes: {values: 100, rank: 2}}",
    "table": "{table: ratings.csv}, or --set task.table=ratings.csv",
}


def _training_pairs(data: Mapping[str, Any]) -> list[int]:
    """The numbers of pairs that may come again; tolerates broken input."""
    users, each = whole_numbers(data, "users"), whole_numbers(data, "pairs_per_user")
    of_modes = [values**2 for values in whole_numbers(data, "values")]
    return (
        whole_numbers(data, "pairs")
        + [training_pairs(a, b) for a in users for b in each]
        + of_modes
    )


def _label_std_faults(data: Mapping[str, Any]) -> list[Fault]:
    """Faults of a label's standard deviation that no scale gives."""
    targets = [each for each in given_values(data, "target") if each != "dot"]
    if not targets or not given_values(data, "label_std"):
        return []
    rule = f"needs the target dot: no scale changes the labels of {targets[0]}"
    return [Fault(path=("label_std",), rule=rule, next_step="give scale, or let target be dot")]


def _layers_faults(data: Mapping[str, Any]) -> list[Fault]:
    """Faults of layer sizes that are no whole numbers, or equal ones, at a dimension."""
    rule = HYPERPARAMETERS["layer_sizes"]
    texts: list[str] = []
    for value in given_values(data, "layer_sizes"):
        try:
            texts.append(str(rule.check(value)))
        except Refused:  # said where it stands
            continue
    path: KeyPath = ("layer_sizes",)
    nowhere = [None] if given_values(data, "data") == ["table"] else []
    for dimension in [*dimensions(data), *nowhere]:
        found: dict[str, str] = {}
        for text in texts:
            try:
                units = layers_at(text, dimension)
            except ValueError as error:
                return [Fault(path=path, rule=f"must be whole numbers of units; {error}")]
            if "layer_sizes" in data["space"] and units in found:
                where = "" if dimension is None else f" at dimension {dimension}"
                rule_text = f"{found[units]} and {text} are the same{where}"
                return [Fault(path=path, rule=rule_text, next_step="leave out one of the two")]
            found[units] = text
    return []


def _parameters_faults(data: Mapping[str, Any]) -> list[Fault]:
    """Faults of a number of parameters that settles no width."""
    budgets = whole_numbers(data, "parameters")
    if not budgets:
        return []
    path: KeyPath = ("parameters",)
    free = [name for name in ("depth", "multiplication") if name in data["space"]]
    if free:
        rule = f"needs one {' and one '.join(free)} a study, and space has several"
        next_step = f"put {' and '.join(free)} in grid or fixed"
        return [Fault(path=path, rule=rule, got=min(budgets), next_step=next_step)]
    depths = [depth for depth in given_values(data, "depth") if type(depth) is int and depth >= 0]
    multiplication = True in given_values(data, "multiplication")
    for dimension in whole_numbers(data, "dimension"):
        inputs = input_count(dimension, multiplication)
        for depth in depths:
            least = uniform_parameter_count(inputs=inputs, width=1, depth=depth)
            if min(budgets) < least:
                where = f"at dimension {dimension} and depth {depth}"
                rule = f"must be at least {least}, what a network of width 1 has {where}"
                next_step = f"write {least}"
                return [Fault(path=path, rule=rule, got=min(budgets), next_step=next_step)]
    return []


def _unused_faults(data: Mapping[str, Any]) -> list[Fault]:
    faults = []
    models = [each for each in given_values(data, "model") if each in MODELS]
    given = {"optimizer": given_optimizers(data), "model": models or [*MODELS]}
    # What no source reads is said where the data is looked at.
    every_source = [each for field in FIELDS.values() for each in field.of_data]
    for name in unused_hyperparameters(given["optimizer"], given["model"], every_source):
        place = next((place for place in ("grid", "space", "fixed") if name in data[place]), None)
        if place is not None:
            chooser = "optimizer" if FIELDS[name].belongs_to else "model"
            rule = f"no {chooser} of this search uses it ({', '.join(map(str, given[chooser]))})"
            users = " or ".join(FIELDS[name].belongs_to or FIELDS[name].of_model)
            next_step = f"leave it out, or let {chooser} be {users}"
            faults.append(Fault(path=(place, name), rule=rule, next_step=next_step))
    return faults


_ALONE = {
    "modes": "a rank takes the place of the dimension there",
    "table": "there is no dimension in it",
}
"""The sources that can't stand beside others, and why."""


def _embedding_faults(data: Mapping[str, Any]) -> list[Fault]:
    """Faults of models on learned embeddings, and of what these don't go with."""
    sources = [each for each in given_values(data, "data") if isinstance(each, str)]
    embedded = [each for each in sources if each in EMBEDDED_DATA]
    others = [each for each in given_values(data, "model") if each in MODELS and each != "mlp"]
    if not embedded:
        rule = (
            f"{', '.join(others)} joins learned embeddings, and the vectors of this data are given"
        )
        next_step = f"let data be {' or '.join(EMBEDDED_DATA)}, or model mlp"
        return [Fault(path=("model",), rule=rule, next_step=next_step)] if others else []
    if len(embedded) < len(sources):
        rule = f"{embedded[0]} can't stand beside other data: its models learn their vectors"
        return [Fault(path=("data",), rule=rule, next_step="make a search of each")]
    if len(embedded) > 1 and (alone := next((each for each in _ALONE if each in embedded), None)):
        rule = f"{alone} can't stand beside other data: {_ALONE[alone]}"
        return [Fault(path=("data",), rule=rule, next_step="make a search of each")]
    faults = []
    for name in ("users", "items", "pairs"):
        if embedded == ["table"] and name in data["grid"]:
            rule = "can't be in grid: a table has the ones that it has"
            faults.append(Fault(path=("grid", name), rule=rule, next_step="leave it out"))
    if given_values(data, "parameters"):
        rule = f"settles no width with data {embedded[0]}, where most parameters are embeddings"
        faults.append(Fault(path=("parameters",), rule=rule, next_step="give width"))
    resources = data.get("resources")
    asked = resources.model_dump() if isinstance(resources, BaseModel) else resources
    gpus = asked.get("gpus") if isinstance(asked, Mapping) else None
    if isinstance(gpus, int | float) and gpus > 0:
        rule = f"must be 0 or auto with data {embedded[0]}: embeddings are trained on processors"
        faults.append(Fault(path=("resources", "gpus"), rule=rule, got=gpus, next_step="write 0"))
    accelerator = asked.get("accelerator") if isinstance(asked, Mapping) else None
    if accelerator is not None:
        rule = f"must be null with data {embedded[0]}: embeddings are trained on processors"
        path: KeyPath = ("resources", "accelerator")
        faults.append(Fault(path=path, rule=rule, got=accelerator, next_step="write null"))
    users, items = whole_numbers(data, "users"), whole_numbers(data, "items")
    each = whole_numbers(data, "pairs_per_user")
    if users and each and max(each) == min(items or users):
        rule = f"must be below the fewest items ({max(each)}): pairs that nobody rated are judged"
        path = ("pairs_per_user",)
        faults.append(Fault(path=path, rule=rule, got=max(each), next_step="lower it"))
    elif users and each and min(users) * (min(items or users) - max(each)) == 1:
        rule = "must leave several pairs that nobody rated, which are judged; it leaves one"
        path = ("pairs_per_user",)
        faults.append(Fault(path=path, rule=rule, got=max(each), next_step="lower it"))
    return faults


def _grace_faults(data: Mapping[str, Any]) -> list[Fault]:
    halving = data.get("halving")
    keys = halving.model_dump() if isinstance(halving, BaseModel) else halving
    grace_period = keys.get("grace_period") if isinstance(keys, dict) else None
    steps = whole_numbers({**data, "space": {}}, "steps")  # there it is a fault of its own
    epochs, sizes, pairs = (
        whole_numbers(data, "epochs"),
        whole_numbers(data, "batch_size"),
        _training_pairs(data),
    )
    if epochs and pairs and sizes:
        steps = [steps_of(min(epochs), pairs=min(pairs), batch_size=max(sizes))]
    if type(grace_period) is not int or not steps or grace_period <= min(steps):
        return []
    path: KeyPath = ("halving", "grace_period")
    rule = f"must not exceed the smallest steps ({min(steps)})"
    return [Fault(path=path, rule=rule, got=grace_period, next_step="lower it or raise steps")]
