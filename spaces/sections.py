"""The three sections that place hyperparameters: grid, space and fixed."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from .domains import Domain, read_domain
from .faults import Fault, Refused, unknown_key
from .rules import HYPERPARAMETERS, RULES, TASK_FIELDS, Rule, check_values
from .vocabulary import Value

_Result = TypeVar("_Result")

_IN_GRID = {name: rule for name, rule in RULES.items() if not rule.why_not_in_grid}
_IN_SPACE = {name: rule for name, rule in HYPERPARAMETERS.items() if not rule.why_not_in_space}


def check_grid(section: object) -> dict[str, list[Value]]:
    """Return the grid, its values in their own types, in the order given.

    Raises:
        Refused: with every fault of the section; likewise the two below.
    """
    return _each(section, RULES, _grid_values, offered=_IN_GRID)


def check_space(section: object) -> dict[str, Domain]:
    """Return the space, each entry as a domain, in the order given."""
    return _each(section, RULES, _space_domain, offered=_IN_SPACE)


def check_fixed(section: object) -> dict[str, Value]:
    """Return the fixed values in their own types, in the vocabulary's order."""
    fixed = _each(section, HYPERPARAMETERS, Rule.check)
    return {name: fixed[name] for name in HYPERPARAMETERS if name in fixed}


def _grid_values(known: Rule, values: object) -> list[Value]:
    if known.why_not_in_grid:
        rule = f"can't be in grid: {known.why_not_in_grid}"
        raise Refused([Fault(rule=rule, got=values)])
    return check_values(known, values, otherwise="write [value], or put it in fixed")


def _space_domain(known: Rule, value: object) -> Domain:
    if known.why_not_in_space:
        rule = f"can't be in space: {known.why_not_in_space}"
        raise Refused([Fault(rule=rule, got=value)])
    return read_domain(known, value)


def _each(
    section: object,
    table: Mapping[str, Rule],
    check: Callable[[Rule, Any], _Result],
    offered: Mapping[str, Rule] | None = None,
) -> dict[str, _Result]:
    if not isinstance(section, Mapping):
        raise Refused([Fault(rule="must be a mapping (key: value)", got=section)])
    checked: dict[str, _Result] = {}
    faults: list[Fault] = []
    for name, value in section.items():
        if name not in table:
            known = (
                *(offered or table),
                *(f"task.{key}" for key in TASK_FIELDS if key not in table),
            )
            faults.append(unknown_key((str(name),), value, known))
            continue
        try:
            checked[name] = check(table[name], value)
        except Refused as refused:
            faults += [fault.under((name,)) for fault in refused.faults]
    if faults:
        raise Refused(faults)
    return checked
