"""Faults: what is wrong with a spec, in words that say how to put it right.

Every fault has the same form, ``path: rule; got value; next step``. Validators collect faults in
`Refused`, which pydantic carries inside its own error; `faults_of` takes them out again and
translates pydantic's own findings. `SpecError` is the only exception that leaves this package.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

KeyPath = tuple[str | int, ...]

_NOTHING = object()
_LONGEST_VALUE = 80


class SpecError(ValueError):
    """A spec that can't be used. `faults` holds every fault found, one readable line each."""

    faults: tuple[str, ...]

    def __init__(self, faults: Sequence[str]) -> None:
        """Keep the faults; `args` holds them too, so that the error can be pickled."""
        self.faults = tuple(map(_one_line, faults))
        super().__init__(self.faults)

    def __str__(self) -> str:
        """Return the faults, one a line."""
        return "\n".join(self.faults)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One thing that is wrong: where, the rule it breaks, the value received, what to do."""

    path: KeyPath = ()
    rule: str
    got: object = _NOTHING
    next_step: str = ""

    def under(self, prefix: KeyPath) -> "Fault":
        """Return the same fault seen from further out, its path beginning with `prefix`."""
        return replace(self, path=(*prefix, *self.path))

    def __str__(self) -> str:
        """Return ``path: rule; got value; next step``."""
        got = "" if self.got is _NOTHING else f"got {show(self.got)}"
        text = "; ".join(part for part in (self.rule, got, self.next_step) if part)
        return f"{show_path(self.path)}: {text}" if self.path else text


class Refused(ValueError):
    """Raised inside validators: all the faults of one value."""

    faults: tuple[Fault, ...]

    def __init__(self, faults: Sequence[Fault]) -> None:
        """Keep the faults, their paths as seen from the value."""
        super().__init__("\n".join(map(str, faults)))
        self.faults = tuple(faults)


def show(value: object) -> str:
    """Return `value` as YAML would have it on one line (text in quotes), cut if it is long."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        text = repr(value)
    except RecursionError:
        text = f"a deeply nested {type(value).__name__}"
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 3] + "..."


def _one_line(text: str) -> str:
    """Escape what a terminal would not print as it is: line ends, control codes, surrogates."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )


def show_path(path: KeyPath) -> str:
    """Return ``grid.dimension[2]`` for ``("grid", "dimension", 2)``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def did_you_mean(name: object, allowed: Collection[str]) -> str:
    """Return ``did you mean X?`` with the nearest of the allowed names, or nothing."""
    near = get_close_matches(str(name), allowed, n=1)
    return f"did you mean {near[0]}?" if near else ""


def unknown_key(path: KeyPath, got: object, known: Collection[str]) -> Fault:
    """Return the fault of a key that doesn't exist.

    `known` holds all dotted names ("budget", "budget.trials"): those beside the key are what is
    allowed; a key of the same spelling elsewhere is what was meant, before any that is near.
    """
    key = str(path[-1])
    prefix = "".join(f"{part}." for part in path[:-1])
    beside = [name.removeprefix(prefix) for name in known if name.startswith(prefix)]
    allowed = [name for name in beside if "." not in name]
    elsewhere = [name for name in known if name.endswith(f".{key}")]
    hint = did_you_mean(key, allowed)
    if elsewhere:
        hint = f"did you mean {' or '.join(elsewhere)}?"
    next_step = f"{hint} allowed: {', '.join(allowed)}".strip()
    return Fault(path=path, rule="unknown key", got=got, next_step=next_step)


def faults_of(error: ValidationError, known: Collection[str]) -> list[Fault]:
    """Translate what pydantic found; `known` as for `unknown_key`."""
    return [fault for detail in error.errors() for fault in _translate(detail, known)]


_RULES = {
    "missing": "missing",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "string_type": "must be text",
    "finite_number": "must be a finite number",
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be above {gt}",
    "less_than": "must be below {lt}",
    "literal_error": "must be {expected}",
    "model_type": "must be a mapping (key: value)",
    "model_attributes_type": "must be a mapping (key: value)",
    "dict_type": "must be a mapping (key: value)",
    "sequence_type": "must be a list",
    "is_instance_of": "must be a list",
    "invalid_key": "a key must be text",
}


def _translate(detail: Any, known: Collection[str]) -> list[Fault]:
    path, got, context = detail["loc"], detail["input"], detail.get("ctx", {})
    kind = detail["type"]
    if kind == "extra_forbidden":
        return [unknown_key(path, got, known)]
    if kind == "value_error" and isinstance(context["error"], Refused):
        return [fault.under(path) for fault in context["error"].faults]
    rule = _RULES.get(kind, detail["msg"]).format_map(context) if kind in _RULES else detail["msg"]
    if kind == "missing":
        return [Fault(path=path, rule=rule, next_step="add it")]
    next_step = ""
    if kind == "literal_error":
        names = [name.strip("'") for name in context["expected"].replace(" or ", ", ").split(", ")]
        next_step = did_you_mean(got, names)
    elif kind in ("int_type", "float_type", "bool_type") and isinstance(got, str):
        next_step = "write it without quotes"
    return [Fault(path=path, rule=rule, got=got, next_step=next_step)]
