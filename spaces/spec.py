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
from .completion import completed
from .conflicts import conflicts
from .domains import Domain
from .faults import Fault, Refused, faults_of
from .pack_size import DEFAULT_TRIALS, PROCESSOR_PACK
from .plain_data import plain_data
from .rules import HYPERPARAMETERS, INTEGER_LIMIT, TASK_FIELDS, Rule
from .samplers import WAITING_FOR_NOTHING, check_sampler
from .sections import check_fixed, check_grid, check_space
from .vocabulary import Value
from .yaml_text import write_yaml

_STRICT = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

Count = Annotated[int, Field(ge=1, lt=INTEGER_LIMIT)]


NULLABLE = {
    name
    for name, field in vocabulary.TASK_FIELDS.items()
    if field.of_data
    or field.not_of_data
    or field.instead_of
    or any(name in other.instead_of for other in vocabulary.TASK_FIELDS.values())
}
"""The fields of the task that may be null: the source of the data doesn't read them, or another
stands in their place."""


class Task(BaseModel):
    """What is to be learned, beside the dimension."""

    model_config = _STRICT

    target: str | None = "dot"
    inputs: str | None = "normal"
    scale: float | None = 1.0
    label_std: float | None = None
    label_noise_std: float | None = 0.0
    data: str = "stream"
    pairs: int | None = None
    users: int | None = None
    items: int | None = None
    pairs_per_user: int | None = None
    values: int | None = None
    rank: int | None = None
    table: str | None = None
    user: str | None = None
    item: str | None = None
    rating: str | None = None
    timestamp: str | None = None
    split_seed: int | None = None
    fingerprint: str | None = None
    ranking: bool | None = None
    shuffle: bool | None = None

    @field_validator("*", mode="before")
    @classmethod
    def _check(cls, value: object, info: ValidationInfo) -> Value | None:
        name = str(info.field_name)
        return None if value is None and name in NULLABLE else TASK_FIELDS[name].check(value)


_TIME = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) ?(s|min|h|d)")
_SECONDS = {"s": 1.0, "min": 60.0, "h": 3_600.0, "d": 86_400.0}


def _time(value: object) -> object:
    if value is None:
        return None
    found = _TIME.fullmatch(value if isinstance(value, str) else "")
    if found and float(found[1]) > 0:
        return f"{found[1]}{found[2]}"
    rule = "must be a time, a number above 0 with its unit s, min, h or d"
    raise Refused([Fault(rule=rule, got=value, next_step="write 90s, 30min, 2h or 1.5d")])


def _auto_or(known: Rule, value: object) -> Value:
    if value == "auto":
        return "auto"
    try:
        return known.check(value)
    except Refused:
        raise Refused([Fault(rule=f"{known.text}, or auto", got=value)]) from None


def _auto_or_count(value: object) -> Value:
    return _auto_or(Rule(kind="int", default=None, minimum=1), value)


def _pack_size(value: object) -> Value:
    # `auto` is a number by now, unless what settles it is at fault.
    size = _auto_or_count(value)
    return PROCESSOR_PACK if size == "auto" else size


class Budget(BaseModel):
    """How much of each study is tried: trials, cut into packs that are suggested together.

    `trials` are the most: 64 where nothing is said, as many as the time allows (null) where `time`
    is given alone. `pack_size: auto` is 16; where `resources.gpus` is a number above 0, up to 512,
    but at most a quarter of the trials. With `time` (90s, 30min, 2h, 1.5d) the search begins no
    pack that would end after it, and leaves enough of it for confirm.
    """

    model_config = _STRICT

    trials: Count | None = DEFAULT_TRIALS
    pack_size: Annotated[int, BeforeValidator(_pack_size)] = PROCESSOR_PACK
    startup_packs: Count = 1
    packs_in_flight: Count = 1
    time: Annotated[str | None, BeforeValidator(_time)] = None

    @property
    def seconds(self) -> float | None:
        """The time; None without one."""
        found = _TIME.fullmatch(self.time or "")
        return None if found is None else float(found[1]) * _SECONDS[found[2]]

    def members(self, number: int) -> int:
        """How many trials pack `number` of a study has: the last may have fewer than the others."""
        if self.trials is None:
            return self.pack_size
        return min(self.pack_size, self.trials - number * self.pack_size)


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
        data = completed(plain_data(data))
        faults = conflicts(data)
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

    @property
    def has_table(self) -> bool:
        """Whether it learns from a table of ratings."""
        return "table" in self.grid.get("data", [self.task.data])

    @property
    def worker_resources(self) -> Resources:
        """What a worker asks for: no GPU where embeddings are learned, which processors train."""
        sources = self.grid.get("data", [self.task.data])
        if set(sources) & {*vocabulary.EMBEDDED_DATA}:
            return self.resources.model_copy(update={"gpus": 0.0})
        return self.resources

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
        if not self.space or not self.learns or budget.trials is None:
            return ()
        if budget.trials / budget.pack_size >= 4:
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
