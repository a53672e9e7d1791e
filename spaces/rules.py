"""Rules: what values a hyperparameter, a field of the task or another number may have.

Those of the vocabulary are taken from there; grid, space and fixed all read these tables.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from . import vocabulary
from .faults import Fault, Refused, did_you_mean
from .layer_expressions import RULE as LAYERS_RULE
from .layer_expressions import layers_as_text
from .prediction_range import RULE as RANGE_RULE
from .prediction_range import range_as_text, range_next_step
from .vocabulary import Field, Kind, Value

INTEGER_LIMIT = 2**63
"""Whole numbers stay below this: the results store them as int64."""

LARGEST_FLOAT = 1e300
"""Numbers stay below this; the comparison is false for NaN and infinity."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """The rule of one value: its type, its bounds, its default."""

    kind: Kind
    default: Value | None
    """None: there is no default, the spec must say it."""
    minimum: float = -math.inf
    minimum_excluded: bool = False
    maximum: float = math.inf
    """Values are below it."""
    names: tuple[str, ...] = ()
    """The allowed names, for kind "name"; of a number those that may stand in its place."""
    why_not_in_space: str = ""
    """The reason, where an optimiser must not choose it; empty where it may."""
    why_not_in_grid: str = ""
    """The reason, where studies must not differ in it; empty where they may."""

    @property
    def text(self) -> str:
        """What is allowed, in words."""
        if self.kind == "bool":
            return "must be true or false"
        if self.kind == "layers":
            return LAYERS_RULE
        if self.kind == "range":
            return RANGE_RULE
        if self.kind == "text":
            return "must be a text that is not empty"
        if self.kind == "name":
            if len(self.names) == 1:
                return f"must be {self.names[0]}: nothing else is available yet"
            return f"must be one of {', '.join(self.names)}"
        noun = "a whole number" if self.kind == "int" else "a finite number"
        bound = "above" if self.minimum_excluded else "of at least"
        upper = f" and below {self.maximum:g}" if self.maximum < math.inf else ""
        named = f", or {' or '.join(self.names)}" if self.names else ""
        return f"must be {noun} {bound} {self.minimum:g}{upper}{named}"

    def check(self, value: object) -> Value:
        """Return `value` in the rule's own type (1 becomes 1.0 for a float).

        Raises:
            Refused: if `value` is of another type (1 is not true, "8" and 8.0 are not 8) or out
                of bounds.
        """
        if self.kind == "bool" and isinstance(value, bool):
            return value
        if isinstance(value, str) and value in self.names:
            return value
        if self.kind == "text" and isinstance(value, str) and value:
            return value
        if self.kind == "layers":
            layers = layers_as_text(value)
            if layers is not None:
                return layers
        elif self.kind == "range":
            text = range_as_text(value)
            if text is not None:
                return text
        elif isinstance(value, int | float) and not isinstance(value, bool):
            number = self._number(value)
            if number is not None and self._within(number):
                return number
        raise Refused([Fault(rule=self.text, got=value, next_step=self._next_step(value))])

    def _number(self, value: int | float) -> int | float | None:
        if self.kind == "int" and isinstance(value, int) and value < INTEGER_LIMIT:
            return int(value)
        if self.kind == "float" and abs(value) < LARGEST_FLOAT:
            return float(value) + 0.0  # -0.0 becomes 0.0: equal values, equal seeds
        return None

    def _within(self, number: int | float) -> bool:
        above = number > self.minimum if self.minimum_excluded else number >= self.minimum
        return above and number < self.maximum

    def _next_step(self, value: object) -> str:
        if self.kind == "layers":
            return f"write [{value}]" if type(value) is int and value > 0 else ""
        if self.kind == "range":
            return range_next_step(value)
        if self.kind == "name":
            return did_you_mean(value, self.names)
        if self.kind == "text":
            return "" if isinstance(value, str) else "write it in quotes"
        if isinstance(value, str):
            quoted = "write it without quotes (a float as 1.0e-3)"
            return did_you_mean(value, self.names) or quoted
        if self.kind == "int" and isinstance(value, float) and value.is_integer():
            return f"write {value:.0f}"
        return ""


def rule_of(field: Field) -> Rule:
    """The rule of a hyperparameter or of a field of the task."""
    return Rule(
        kind=field.kind,
        default=field.default,
        minimum=field.minimum,
        minimum_excluded=field.minimum_excluded,
        maximum=field.maximum,
        names=field.names,
        why_not_in_space=field.why_not_in_space,
        why_not_in_grid=field.why_not_in_grid,
    )


HYPERPARAMETERS: Mapping[str, Rule] = {
    name: rule_of(field) for name, field in vocabulary.HYPERPARAMETERS.items()
}
"""The hyperparameters, in the order in which they are shown."""

TASK_FIELDS: Mapping[str, Rule] = {
    name: rule_of(field) for name, field in vocabulary.TASK_FIELDS.items()
}
"""The fields of the task beside the dimension."""

RULES: Mapping[str, Rule] = {
    **HYPERPARAMETERS,
    **TASK_FIELDS,
    vocabulary.SEED.name: rule_of(vocabulary.SEED),
}
"""What may stand in the grid: all of both, and the seed."""


def check_values(rule: Rule | None, values: object, *, otherwise: str) -> list[Value]:
    """Return a grid's or a choice's list of values, each in the rule's type.

    Without a rule any true or false, finite number or text is taken as it is. `otherwise` is
    the next step to offer where `values` is no list.

    Raises:
        Refused: if it is no list, or empty, or a value is refused, or a value stands twice.
    """
    if not isinstance(values, Sequence) or isinstance(values, str | bytes):
        raise Refused([Fault(rule="must be a list of values", got=values, next_step=otherwise)])
    if not values:
        raise Refused([Fault(rule="must hold at least one value", got=[])])
    checked: list[Value] = []
    faults: list[Fault] = []
    for index, value in enumerate(values):
        try:
            item = _check_any(value) if rule is None else rule.check(value)
        except Refused as refused:
            faults += [fault.under((index,)) for fault in refused.faults]
            continue
        if any(type(item) is type(other) and item == other for other in checked):
            faults.append(Fault(path=(index,), rule="stands in the list already", got=value))
        checked.append(item)
    if faults:
        raise Refused(faults)
    return checked


def _check_any(value: object) -> Value:
    if isinstance(value, bool | str):
        return value
    if isinstance(value, int | float) and abs(value) < LARGEST_FLOAT:
        return value
    raise Refused([Fault(rule="must be true or false, a finite number or text", got=value)])
