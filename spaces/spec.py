"""The spec: what to search, as frozen pydantic models that forbid unknown keys.

`Spec` finds every fault of its input at once: those of each section and those that lie between
sections. Use `spaces.load_spec`, which turns them into one readable `SpecError`.
"""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from . import vocabulary
from .constructed_start import constructed_start_faults
from .domains import Domain
from .faults import Fault, KeyPath, Refused, faults_of
from .float32 import float32_faults
from .given_values import given_values
from .layer_expressions import layers_at
from .plain_data import plain_data
from .pool_pairs import pool_faults, training_pairs
from .rules import HYPERPARAMETERS, INTEGER_LIMIT, TASK_FIELDS, Rule
from .samplers import WAITING_FOR_NOTHING, check_sampler
from .sections import check_fixed, check_grid, check_space
from .vocabulary import FIELDS, Value, uniform_parameter_count, unused_hyperparameters
from .yaml_text import write_yaml

_STRICT = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

Count = Annotated[int, Field(ge=1, lt=INTEGER_LIMIT)]


NULLABLE = {
    name
    for name, field in vocabulary.TASK_FIELDS.items()
    if field.of_data
    or field.instead_of
    or any(name in other.instead_of for other in vocabulary.TASK_FIELDS.values())
}
"""The fields of the task that may be null: the source of the data doesn't read them, or another
stands in their place."""


class Task(BaseModel):
    """What is to be learned, beside the dimension."""

    model_config = _STRICT

    target: str = "dot"
    inputs: str = "normal"
    scale: float | None = 1.0
    label_std: float | None = None
    label_noise_std: float = 0.0
    data: str = "stream"
    pairs: int | None = None
    users: int | None = None
    items: int | None = None
    pairs_per_user: int | None = None
    shuffle: bool | None = None

    @field_validator("*", mode="before")
    @classmethod
    def _check(cls, value: object, info: ValidationInfo) -> Value | None:
        name = str(info.field_name)
        return None if value is None and name in NULLABLE else TASK_FIELDS[name].check(value)


class Budget(BaseModel):
    """How much of each study is tried: trials, cut into packs that are suggested together."""

    model_config = _STRICT

    trials: Count = 64
    pack_size: Count = 16
    startup_packs: Count = 1
    packs_in_flight: Count = 1


class Halving(BaseModel):
    """Successive halving inside a pack: at the steps grace_period * reduction_factor^i.

    At each of these rungs the best 1/reduction_factor of the members stay, and never fewer than
    `min_survivors`.
    """

    model_config = _STRICT

    grace_period: Count
    reduction_factor: Annotated[int, Field(ge=2, lt=INTEGER_LIMIT)] = 2
    min_survivors: Count = 4


class EarlyStopping(BaseModel):
    """Ends a trial once its train loss has not fallen for `patience` epochs in a row.

    An epoch's train loss counts as fallen where it is more than `min_delta` (in squared label
    units) below the lowest before. Such a trial is completed, with the steps that it did.
    """

    model_config = _STRICT

    patience: Count
    min_delta: Annotated[float, Field(ge=0)] = 0.0


def _ascending(factors: object) -> object:
    if not isinstance(factors, Sequence) or not all(type(factor) is int for factor in factors):
        return factors
    if 1 not in factors or list(factors) != sorted(set(factors)):
        rule = "must ascend, hold 1 and hold nothing twice"
        raise Refused([Fault(rule=rule, got=factors, next_step="write [1] or [1, 4]")])
    return tuple(factors)


class Confirm(BaseModel):
    """The study's best configuration trained again, with fresh seeds, data and pairs.

    `replicates` times for each of `steps_factors` (multiples of steps; kept as a tuple).
    """

    model_config = _STRICT

    replicates: Count = 5
    steps_factors: Annotated[Sequence[Count], BeforeValidator(_ascending)] = (1,)


def _auto_or(known: Rule, value: object) -> Value:
    if value == "auto":
        return "auto"
    try:
        return known.check(value)
    except Refused:
        raise Refused([Fault(rule=f"{known.text}, or auto", got=value)]) from None


def _cpus(value: object) -> Value:
    positive = Rule(kind="float", default=None, minimum=0, minimum_excluded=True)
    cpus = _auto_or(positive, value)
    return int(cpus) if isinstance(cpus, float) and cpus.is_integer() else cpus


def _gpus(value: object) -> Value:
    gpus = _auto_or(Rule(kind="float", default=None, minimum=0), value)
    if isinstance(gpus, float) and gpus > 1 and not gpus.is_integer():
        rule = "must be a fraction of one GPU or a whole number of them"
        raise Refused([Fault(rule=rule, got=value, next_step=f"write {math.ceil(gpus)}")])
    return gpus


def _auto_or_count(value: object) -> Value:
    return _auto_or(Rule(kind="int", default=None, minimum=1), value)


def _label(value: object) -> object:
    if value is None:
        return None
    allowed = r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"
    if isinstance(value, str) and re.fullmatch(allowed, value):
        return value
    next_step = "write it as Ray names it: H200, A100; or null for any"
    rule = "must be the name of an accelerator"
    raise Refused([Fault(rule=rule, got=value, next_step=next_step)])


class Resources(BaseModel):
    """What one worker gets, and how many packs run at once at most (auto: all that can).

    `cpus: auto` is as many as leave no core idle (the threads of a worker divide a pack's members);
    `gpus: auto` is one GPU where the cluster has GPUs, else none; `accelerator` the type that the
    worker's node must have, as Ray names it. `tf32` lets GPUs round the factors of matrix products
    in training: faster for wide networks, and less exact.
    """

    model_config = _STRICT

    cpus: Annotated[Literal["auto"] | int | float, BeforeValidator(_cpus)] = "auto"
    gpus: Annotated[Literal["auto"] | float, BeforeValidator(_gpus)] = "auto"
    accelerator: Annotated[str | None, BeforeValidator(_label)] = None
    workers: Annotated[Literal["auto"] | int, BeforeValidator(_auto_or_count)] = "auto"
    tf32: bool = False


def _off_in_yaml(value: object) -> object:
    """Read `off` without quotes, which is false in YAML 1.1, as the word it is."""
    return "off" if value is False else value


def _section_or_null(value: object) -> object:
    """Say what none is called: `halving: off` is false in YAML 1.1, and text in YAML 1.2."""
    if value is False or (isinstance(value, str) and value.lower() in ("off", "no", "none", "")):
        rule = "must be a mapping (key: value) or null"
        raise Refused([Fault(rule=rule, got=value, next_step="write null for none")])
    return value


def _check_name(name: object) -> object:
    if isinstance(name, str) and re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,99}", name):
        return name
    rule = "must be at most 100 of a-z, 0-9, '.', '_', '-', beginning with a letter or digit"
    next_step = "" if isinstance(name, str) else "write it in quotes"
    raise Refused([Fault(rule=rule, got=name, next_step=next_step)])


class Spec(BaseModel):
    """One search, resolved: every default is filled in.

    `fixed` holds every hyperparameter that is in neither `grid` nor `space`; the task's fields may
    stand in `grid` in place of `task`. `tensorboard` says which trials show their curves there.
    """

    model_config = _STRICT

    name: Annotated[str, BeforeValidator(_check_name)]
    seed: Annotated[int, Field(ge=0, lt=INTEGER_LIMIT)] = 0
    grid: Annotated[dict[str, list[Value]], BeforeValidator(check_grid)] = {}
    space: Annotated[dict[str, Domain], BeforeValidator(check_space)] = {}
    fixed: Annotated[dict[str, Value], BeforeValidator(check_fixed)] = {}
    task: Task = Task()
    sampler: Annotated[str, BeforeValidator(check_sampler)] = "tpe"
    budget: Budget = Budget()
    halving: Annotated[Halving | None, BeforeValidator(_section_or_null)] = None
    early_stopping: Annotated[EarlyStopping | None, BeforeValidator(_section_or_null)] = None
    confirm: Annotated[Confirm | None, BeforeValidator(_section_or_null)] = Confirm()
    resources: Resources = Resources()
    tensorboard: Annotated[Literal["all", "best", "off"], BeforeValidator(_off_in_yaml)] = "best"

    @model_validator(mode="wrap")
    @classmethod
    def _all_faults_at_once(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if not isinstance(data, Mapping):
            return handler(data)
        data = _completed(plain_data(data))
        faults = _faults_between_sections(data)
        try:
            spec = handler(data)
        except ValidationError as error:
            faults = faults_of(error, KNOWN_KEYS) + faults
        if faults:
            raise Refused(faults)
        return spec

    @property
    def learns(self) -> bool:
        """Whether later packs are suggested from the results of earlier ones."""
        return self.sampler not in WAITING_FOR_NOTHING

    def to_mapping(self) -> dict[str, Any]:
        """Return the spec as plain data that gives an equal spec when it is loaded."""
        mapping = self.model_dump(mode="json")
        if "seed" in self.grid:
            del mapping["seed"]
        for key in self.grid.keys() & TASK_FIELDS.keys():
            del mapping["task"][key]
        return mapping

    def to_yaml(self) -> str:
        """Return the spec as YAML, complete with defaults, to be loaded again."""
        return write_yaml(self.to_mapping())

    def notes(self) -> tuple[str, ...]:
        """Return what is allowed but probably not meant, one sentence each."""
        budget = self.budget
        if not self.space or not self.learns or budget.trials / budget.pack_size >= 4:
            return ()
        return (
            f"budget: {budget.trials} trials in packs of {budget.pack_size} are fewer than 4 packs "
            f"a study, so the sampler {self.sampler} hardly acts; raise trials or lower pack_size",
        )


_SECTIONS: dict[str, type[BaseModel]] = {
    "task": Task,
    "budget": Budget,
    "halving": Halving,
    "early_stopping": EarlyStopping,
    "confirm": Confirm,
    "resources": Resources,
}

KNOWN_KEYS: tuple[str, ...] = (
    *Spec.model_fields,
    *(f"{name}.{key}" for name, model in _SECTIONS.items() for key in model.model_fields),
    *(f"fixed.{name}" for name in HYPERPARAMETERS),
)
"""Dotted names, for the hints at unknown keys."""


def _completed(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return `data` with defaults in `fixed` for what stands nowhere; tolerates broken input."""
    completed = {
        key: dict(value) if isinstance(value, Mapping) else value for key, value in data.items()
    }
    for section in ("grid", "space", "fixed"):
        if completed.get(section) is None:
            completed[section] = {}
    _complete_task(completed)
    grid, space, fixed = completed["grid"], completed["space"], completed["fixed"]
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
        unused = unused_hyperparameters(_optimizers(grid, space, defaults | fixed))
        defaults = {name: value for name, value in defaults.items() if name not in unused}
        completed["fixed"] = defaults | fixed
    return completed


def _complete_task(completed: dict[str, Any]) -> None:
    """Write out `data: {fixed: 1024}`, and the defaults of what the source of the data reads."""
    task, grid = completed.setdefault("task", {}), completed["grid"]
    if isinstance(task, Task):
        task = task.model_dump(exclude_unset=True)
    if not isinstance(task, dict) or not isinstance(grid, dict):
        return
    task = {**task, **_written_out(task.get("data"))}
    completed["task"] = task
    sources = {each for each in given_values(completed, "data") if isinstance(each, str)}
    for name, field in vocabulary.TASK_FIELDS.items():
        if sources & set(field.of_data) and field.default is not None and name not in grid:
            task.setdefault(name, field.default)
        if name in grid or task.get(name) is not None:
            task |= {other: None for other in field.instead_of if other not in task}


def _written_out(data: object) -> dict[str, Any]:
    """The fields of the task that `{fixed: 1024, shuffle: false}` stands for; none of other data.

    Beside the name of the source may stand what else it reads; under it the number of pairs, or
    again what it reads.
    """
    if not isinstance(data, Mapping):
        return {}
    source = next((name for name in FIELDS["data"].names if name in data), None)
    inner = data.get(source)
    inner = dict(inner) if isinstance(inner, Mapping) else {"pairs": inner}
    inner |= {name: value for name, value in data.items() if name != source}
    read = {name for name, field in FIELDS.items() if source in field.of_data}
    return {"data": source, **inner} if inner.keys() <= read else {}


def _faults_between_sections(data: Mapping[str, Any]) -> list[Fault]:
    """Return the faults that no section sees alone; `data` is completed and may be broken."""
    task = data.get("task")
    task = task.model_dump(exclude_unset=True) if isinstance(task, Task) else task or {}
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
    if not any("dimension" in keys for keys in places.values()):
        next_step = "put it in grid (dimension: [1, 2, 4]) or in fixed (dimension: 8)"
        faults.append(Fault(path=("dimension",), rule="missing", next_step=next_step))
    if "seed" in data and "seed" in data["grid"]:
        rule = "stands in grid and at the top of the spec, but may stand in one place only"
        next_step = "keep one (--set grid.seed=null drops that one)"
        faults.append(Fault(path=("seed",), rule=rule, next_step=next_step))
    return [
        *faults,
        *_instead_faults(places),
        *_unused_faults(data),
        *_data_faults(data, places),
        *pool_faults(**{name: _whole(data, name) for name in ("users", "items", "pairs_per_user")}),
        *_label_std_faults(data),
        *_layers_faults(data),
        *_parameters_faults(data),
        *_grace_faults(data),
        *constructed_start_faults(data),
        *float32_faults(data),
    ]


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
        if not field.of_data:
            continue
        place = next((place for place, keys in places.items() if name in keys), None)
        read = set(sources) & set(field.of_data)
        readers = " or ".join(field.of_data)
        if place and not read:
            rule = f"no data of this search has it ({', '.join(sources)})"
            next_step = f"leave it out, or let data be {readers}"
            faults.append(Fault(path=(place, name), rule=rule, next_step=next_step))
        elif read and not place and field.default is None and not field.follows:
            rule, example = f"missing, with data {readers}", _DATA_EXAMPLES[field.of_data[0]]
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
    elif _whole(data, "batch_size") and _training_pairs(data):
        largest, fewest = max(_whole(data, "batch_size")), min(_training_pairs(data))
        if largest > fewest:
            rule = f"must not exceed the fewest training pairs ({fewest})"
            next_step = f"write {fewest}: an epoch is one step then"
            faults.append(Fault(path=("batch_size",), rule=rule, got=largest, next_step=next_step))
    return faults


_DATA_EXAMPLES = {
    "fixed": "{fixed: 1024}",
    "pool": "{pool: {users: 4000, pairs_per_user: 100}}",
}


def _training_pairs(data: Mapping[str, Any]) -> list[int]:
    """The numbers of pairs that may come again; tolerates broken input."""
    users, each = _whole(data, "users"), _whole(data, "pairs_per_user")
    return _whole(data, "pairs") + [training_pairs(a, b) for a in users for b in each]


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
    for dimension in _whole(data, "dimension"):
        found: dict[str, str] = {}
        for text in texts:
            try:
                units = layers_at(text, dimension)
            except ValueError as error:
                return [Fault(path=path, rule=f"must be whole numbers of units; {error}")]
            if "layer_sizes" in data["space"] and units in found:
                rule_text = f"{found[units]} and {text} are the same at dimension {dimension}"
                return [Fault(path=path, rule=rule_text, next_step="leave out one of the two")]
            found[units] = text
    return []


def _parameters_faults(data: Mapping[str, Any]) -> list[Fault]:
    """Faults of a number of parameters that settles no width."""
    budgets = _whole(data, "parameters")
    if not budgets:
        return []
    path: KeyPath = ("parameters",)
    free = [name for name in ("depth", "multiplication") if name in data["space"]]
    if free:
        rule = f"needs one {' and one '.join(free)} a study, and space has several"
        next_step = f"put {' and '.join(free)} in grid or fixed"
        return [Fault(path=path, rule=rule, got=min(budgets), next_step=next_step)]
    depths = [depth for depth in given_values(data, "depth") if type(depth) is int and depth >= 0]
    factor = 3 if True in given_values(data, "multiplication") else 2
    for dimension in _whole(data, "dimension"):
        for depth in depths:
            least = uniform_parameter_count(inputs=factor * dimension, width=1, depth=depth)
            if min(budgets) < least:
                where = f"at dimension {dimension} and depth {depth}"
                rule = f"must be at least {least}, what a network of width 1 has {where}"
                next_step = f"write {least}"
                return [Fault(path=path, rule=rule, got=min(budgets), next_step=next_step)]
    return []


def _whole(data: Mapping[str, Any], name: str) -> list[int]:
    """The positive whole numbers that `name` may have; tolerates broken input."""
    return [value for value in given_values(data, name) if type(value) is int and value > 0]


def _unused_faults(data: Mapping[str, Any]) -> list[Fault]:
    grid, space, fixed = data["grid"], data["space"], data["fixed"]
    optimizers = _optimizers(grid, space, fixed)
    faults = []
    for name in unused_hyperparameters(optimizers):
        place = next((place for place in ("grid", "space", "fixed") if name in data[place]), None)
        if place is not None:
            rule = f"no optimizer of this search uses it ({', '.join(map(str, optimizers))})"
            users = " or ".join(FIELDS[name].belongs_to)
            next_step = f"leave it out, or let optimizer be {users}"
            faults.append(Fault(path=(place, name), rule=rule, next_step=next_step))
    return faults


def steps_of(epochs: int, *, pairs: int, batch_size: int) -> int:
    """The batches that hold each of `pairs` pairs `epochs` times; the last may go on beyond."""
    return -(-epochs * pairs // batch_size)


def _optimizers(
    grid: Mapping[str, Any], space: Mapping[str, Any], fixed: Mapping[str, Any]
) -> list[Any]:
    """The optimisers that a trial may have; tolerates broken input."""
    named = given_values({"grid": grid, "space": space, "fixed": fixed}, "optimizer")
    return [each for each in named if isinstance(each, str)]


def _grace_faults(data: Mapping[str, Any]) -> list[Fault]:
    halving = data.get("halving")
    keys = halving.model_dump() if isinstance(halving, Halving) else halving
    grace_period = keys.get("grace_period") if isinstance(keys, dict) else None
    steps = _whole({**data, "space": {}}, "steps")  # there it is a fault of its own
    epochs, sizes, pairs = _whole(data, "epochs"), _whole(data, "batch_size"), _training_pairs(data)
    if epochs and pairs and sizes:
        steps = [steps_of(min(epochs), pairs=min(pairs), batch_size=max(sizes))]
    if type(grace_period) is not int or not steps or grace_period <= min(steps):
        return []
    path: KeyPath = ("halving", "grace_period")
    rule = f"must not exceed the smallest steps ({min(steps)})"
    return [Fault(path=path, rule=rule, got=grace_period, next_step="lower it or raise steps")]
