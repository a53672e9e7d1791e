"""The registry: every hyperparameter and every field of the task, with its rule and default.

A further hyperparameter is one more entry here; grid, space and fixed all read this table.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from .faults import Fault, Refused, did_you_mean

Value = bool | int | float | str

INTEGER_LIMIT = 2**63
"""Whole numbers stay below this: the results store them as int64."""

LARGEST_FLOAT = 1e300
"""Numbers stay below this; the comparison is false for NaN and infinity."""


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """The rule of one hyperparameter or task field: its type, its bounds, its default."""

    kind: Literal["int", "float", "bool", "name"]
    default: Value | None
    """None: there is no default, the spec must say it."""
    minimum: float = -math.inf
    minimum_excluded: bool = False
    names: tuple[str, ...] = ()
    """The allowed names, for kind "name"."""
    why_not_in_space: str = ""
    """The reason, where an optimiser must not choose it; empty where it may."""

    @property
    def rule(self) -> str:
        """What is allowed, in words."""
        if self.kind == "bool":
            return "must be true or false"
        if self.kind == "name":
            if len(self.names) == 1:
                return f"must be {self.names[0]}: nothing else is available yet"
            return f"must be one of {', '.join(self.names)}"
        noun = "a whole number" if self.kind == "int" else "a finite number"
        bound = "above" if self.minimum_excluded else "of at least"
        return f"must be {noun} {bound} {self.minimum:g}"

    def check(self, value: object) -> Value:
        """Return `value` in the parameter's own type (1 becomes 1.0 for a float).

        Raises:
            Refused: if `value` is of another type (1 is not true, "8" and 8.0 are not 8) or out
                of bounds.
        """
        if self.kind == "bool" and isinstance(value, bool):
            return value
        if self.kind == "name" and isinstance(value, str) and value in self.names:
            return value
        if isinstance(value, int | float) and not isinstance(value, bool):
            number = self._number(value)
            if number is not None and self._within(number):
                return number
        raise Refused([Fault(rule=self.rule, got=value, next_step=self._next_step(value))])

    def _number(self, value: int | float) -> int | float | None:
        if self.kind == "int" and isinstance(value, int) and value < INTEGER_LIMIT:
            return int(value)
        if self.kind == "float" and abs(value) < LARGEST_FLOAT:
            return float(value) + 0.0  # -0.0 becomes 0.0: equal values, equal seeds
        return None

    def _within(self, number: int | float) -> bool:
        return number > self.minimum if self.minimum_excluded else number >= self.minimum

    def _next_step(self, value: object) -> str:
        if self.kind == "name":
            return did_you_mean(value, self.names)
        if isinstance(value, str):
            return "write it without quotes (a float as 1.0e-3)"
        if self.kind == "int" and isinstance(value, float) and value.is_integer():
            return f"write {value:.0f}"
        return ""


_SHARED = "the members of a pack share it; put it in grid or fixed"

HYPERPARAMETERS: dict[str, Parameter] = {
    "dimension": Parameter(
        kind="int",
        default=None,
        minimum=1,
        why_not_in_space="losses of different dimensions can't be compared, an optimiser would "
        "pick the smallest; put it in grid (a study per dimension) or fixed",
    ),
    "multiplication": Parameter(kind="bool", default=False),
    "depth": Parameter(kind="int", default=2, minimum=0),
    "width": Parameter(kind="int", default=32, minimum=1),
    "learning_rate": Parameter(kind="float", default=1e-2, minimum=0, minimum_excluded=True),
    "activation": Parameter(kind="name", default="relu", names=("relu", "gelu", "silu", "tanh")),
    "optimizer": Parameter(kind="name", default="adam", names=("adam",)),
    "schedule": Parameter(kind="name", default="cosine", names=("constant", "cosine", "linear")),
    "batch_size": Parameter(kind="int", default=256, minimum=1, why_not_in_space=_SHARED),
    "steps": Parameter(kind="int", default=4000, minimum=1, why_not_in_space=_SHARED),
}
"""The hyperparameters, in the order in which they are shown."""

_ONE_TASK = "a study has one task; put it in grid or task"

TASK_FIELDS: dict[str, Parameter] = {
    "target": Parameter(kind="name", default="dot", names=("dot",), why_not_in_space=_ONE_TASK),
    "inputs": Parameter(
        kind="name", default="normal", names=("normal",), why_not_in_space=_ONE_TASK
    ),
    "scale": Parameter(
        kind="float",
        default=1.0,
        minimum=0,
        minimum_excluded=True,
        why_not_in_space=_ONE_TASK,
    ),
    "label_noise_std": Parameter(kind="float", default=0.0, minimum=0, why_not_in_space=_ONE_TASK),
    "data": Parameter(kind="name", default="stream", names=("stream",), why_not_in_space=_ONE_TASK),
}
"""The fields of the task beside the dimension."""


def check_values(parameter: Parameter | None, values: object, *, otherwise: str) -> list[Value]:
    """Return a grid's or a choice's list of values, each in the parameter's type.

    Without a parameter any true or false, finite number or text is taken as it is. `otherwise` is
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
            item = _check_any(value) if parameter is None else parameter.check(value)
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
