"""Domains: what Optuna may choose for one hyperparameter of the space."""

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FiniteFloat,
    ValidationError,
    model_validator,
)

from .faults import Fault, Refused, faults_of, unknown_key
from .plain_data import plain_data
from .rules import INTEGER_LIMIT, LARGEST_FLOAT, Rule, check_values
from .vocabulary import Value

_STRICT = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

Integer = Annotated[int, BeforeValidator(plain_data), Field(gt=-INTEGER_LIMIT, lt=INTEGER_LIMIT)]
Number = Annotated[
    FiniteFloat, BeforeValidator(plain_data), Field(gt=-LARGEST_FLOAT, lt=LARGEST_FLOAT)
]


class IntRange(BaseModel):
    """The whole numbers low, low + step, ... high (both ends included), or all of them in log."""

    model_config = _STRICT

    low: Integer
    high: Integer
    step: Annotated[Integer, Field(ge=1)] = 1
    log: bool = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        _refuse(_range_faults(self))
        return self

    @property
    def count(self) -> int:
        """How many numbers there are."""
        return (self.high - self.low) // self.step + 1

    def nearest(self, number: float) -> int:
        """Return the range's number that is nearest to `number`."""
        index = math.ceil((number - self.low) / self.step - 0.5)
        return self.low + min(max(index, 0), self.count - 1) * self.step


class FloatRange(BaseModel):
    """The numbers from low to high (both included), in log, or only low, low + step, ...."""

    model_config = _STRICT

    low: Number
    high: Number
    log: bool = False
    step: Annotated[Number, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        _refuse(_range_faults(self))
        return self

    @property
    def count(self) -> int | None:
        """How many numbers there are; None without a step."""
        if self.step is None:
            return None
        return int((_written(self.high) - _written(self.low)) / _written(self.step)) + 1

    def value_at(self, index: int) -> float:
        """Return the number that is `index` steps above low, exactly as it would be written.

        >>> FloatRange(low=0.1, high=0.9, step=0.1).value_at(2)  # not 0.30000000000000004
        0.3
        """
        assert self.step is not None
        return float(_written(self.low) + index * _written(self.step))

    def nearest(self, number: float) -> float:
        """Return the range's number that is nearest to `number`."""
        number = min(max(number, self.low), self.high)
        if self.step is None:
            return number
        return self.value_at(round((_written(number) - _written(self.low)) / _written(self.step)))


def _list_of_values(values: object) -> tuple[Value, ...]:
    return tuple(check_values(None, plain_data(values), otherwise="write [first, second]"))


class Choices(BaseModel):
    """A list to choose from, without an order. Kept as a tuple."""

    model_config = _STRICT

    choices: Annotated[Sequence[Value], BeforeValidator(_list_of_values)]


Domain = IntRange | FloatRange | Choices

_RANGES: dict[str, type[IntRange] | type[FloatRange]] = {"int": IntRange, "float": FloatRange}
_EXAMPLES = {"layers": "[64, 32], [4d, d]", "range": "none, [0.5, 5.5]"}


def read_domain(known: Rule, value: object) -> Domain:
    """Return the domain that `value` (a mapping or a domain) describes for `known`.

    Raises:
        Refused: with every fault, its path inside the domain.
    """
    range_type = _RANGES.get(known.kind)
    if isinstance(value, Choices) or (isinstance(value, Mapping) and "choices" in value):
        return _read_choices(known, value)
    if range_type is None:
        example = ", ".join(known.names) or _EXAMPLES.get(known.kind, "false, true")
        raise Refused([Fault(rule=f"must be {{choices: [{example}]}}", got=value)])
    if isinstance(value, Mapping):
        value = _read_range(range_type, value)
    if not isinstance(value, range_type):
        raise Refused([_no_domain(value, range_type)])
    faults = _faults_at("low", known, value.low)
    if known.maximum < math.inf:
        faults += _faults_at("high", known, value.high)
    _refuse(faults)
    return value


def _read_choices(known: Rule, value: Choices | Mapping[str, Any]) -> Choices:
    given = {"choices": value.choices} if isinstance(value, Choices) else dict(value)
    values = given.pop("choices")
    faults = [unknown_key((str(key),), given[key], ("choices",)) for key in given]
    checked: list[Value] = []
    try:
        checked = check_values(known, values, otherwise="write [first, second]")
    except Refused as refused:
        faults += [fault.under(("choices",)) for fault in refused.faults]
    _refuse(faults)
    return Choices(choices=checked)


def _read_range(
    range_type: type[IntRange] | type[FloatRange], value: Mapping[str, Any]
) -> IntRange | FloatRange:
    known = tuple(range_type.model_fields)
    unknown = [unknown_key((str(key),), value[key], known) for key in value if key not in known]
    try:
        domain = range_type.model_validate({key: value[key] for key in value if key in known})
    except ValidationError as error:
        raise Refused(unknown + faults_of(error, known)) from None
    _refuse(unknown)
    return domain


def _no_domain(value: object, range_type: type[BaseModel]) -> Fault:
    next_step = ""
    if isinstance(value, list | tuple):
        next_step = "a list is written {choices: [first, second]}"
    elif isinstance(value, bool | int | float | str):
        next_step = "a single value belongs in fixed"
    rule = f"must be {{low: , high: }} (a {range_type.__name__}) or {{choices: []}}"
    return Fault(rule=rule, got=value, next_step=next_step)


def _faults_at(key: str, known: Rule, value: object) -> list[Fault]:
    try:
        known.check(value)
    except Refused as refused:
        return [fault.under((key,)) for fault in refused.faults]
    return []


def _range_faults(domain: IntRange | FloatRange) -> list[Fault]:
    faults = []
    stepped = domain.step not in (None, 1) if isinstance(domain, IntRange) else domain.step
    if domain.low > domain.high:
        rule = f"low must not exceed high ({domain.high})"
        faults.append(Fault(path=("low",), rule=rule, got=domain.low))
    elif domain.step is not None and not domain.log:
        faults += _step_faults(domain.low, domain.high, domain.step)
    if domain.log and domain.low <= 0:
        next_step = "raise low or leave out log"
        rule = "a log range must begin above 0"
        faults.append(Fault(path=("low",), rule=rule, got=domain.low, next_step=next_step))
    if domain.log and stepped:
        next_step = "leave out step or log"
        rule = "a log range has no step"
        faults.append(Fault(path=("step",), rule=rule, got=domain.step, next_step=next_step))
    return faults


def _step_faults(low: float, high: float, step: float) -> list[Fault]:
    first, last, width = map(_written, (low, high, step))
    if (last - first) % width == 0:
        return []
    reached = type(high)(first + (last - first) // width * width)
    rule = f"high must be low plus a whole number of steps of {step}"
    return [Fault(path=("high",), rule=rule, got=high, next_step=f"write {reached}")]


def _written(number: float) -> Fraction:
    """Return `number` as it is written, exactly: 0.3 is three steps of 0.1."""
    return Fraction(repr(number))


def _refuse(faults: list[Fault]) -> None:
    if faults:
        raise Refused(faults)
