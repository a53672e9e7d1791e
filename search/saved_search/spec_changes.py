"""What differs between two specs, as far as a search's rows depend on it."""

import json
from collections.abc import Iterator
from typing import Any

from spaces import Spec
from spaces.faults import show

_FREE = ("name", "grid", "resources", "tensorboard", "confirm")
_MISSING = object()


def row_changes(before: Spec, after: Spec) -> list[str]:
    """Return a line for each key, grid left out, whose change gives a study other rows.

    How a search is carried out and shown may change: `resources` but for `tf32`, `tensorboard`,
    `budget.time`, the place of a table of ratings that holds the same. It may grow, see `growth`:
    then the rows that it had are still right.

    >>> from spaces import load_spec
    >>> row_changes(load_spec("smoke"), load_spec("smoke", ["seed=1", "resources.workers=3"]))
    ['seed: 1, was 0']
    """
    old, new = before.to_mapping(), after.to_mapping()
    changes = list(_differences("name", old["name"], new["name"]))
    for mapping in (old, new):
        del mapping["budget"]["time"]
    if old["task"]["fingerprint"] == new["task"]["fingerprint"] is not None:
        for mapping in (old, new):
            del mapping["task"]["table"]
    for key in (old.keys() | new.keys()) - set(_FREE):  # one with seeds in its grid has no seed
        changes += _differences(key, old.get(key, _MISSING), new.get(key, _MISSING))
    tf32 = (mapping["resources"]["tf32"] for mapping in (old, new))
    changes += _differences("resources.tf32", *tf32)
    grown = growth(before, after)
    changes = [change for change in changes if change not in grown]
    if not _confirm_grows(before, after):
        changes += _differences("confirm", old["confirm"], new["confirm"])
    # Start packs are points of a sequence whose axes are the space's keys in their order.
    orders = [list(spec.space) for spec in (before, after)]
    if orders[0] != orders[1] and set(orders[0]) == set(orders[1]):
        changes.append(f"space: its keys in the order {orders[1]}, was {orders[0]}")
    return sorted(changes)


def growth(before: Spec, after: Spec) -> list[str]:
    """Return a line for each key, grid left out, by which `after` asks for more rows.

    More trials; a confirm where there was none, of more replicates, or at further steps factors.
    """
    old, new = before.to_mapping(), after.to_mapping()
    lines: list[str] = []
    trials, more = before.budget.trials, after.budget.trials
    if trials is not None and (more is None or more > trials):  # None: as many as there is time for
        lines += _differences("budget.trials", trials, more)
    if _confirm_grows(before, after):
        lines += _differences("confirm", old["confirm"], new["confirm"])
    return lines


def _confirm_grows(before: Spec, after: Spec) -> bool:
    """Whether all confirm rows of `before` are among those of `after`."""
    if before.confirm is None:
        return True
    return (
        after.confirm is not None
        and after.confirm.replicates >= before.confirm.replicates
        and set(after.confirm.steps_factors) >= set(before.confirm.steps_factors)
    )


def grid_changes(before: Spec, after: Spec) -> list[str]:
    """Return a line for each key of the grid that differs."""
    return list(_differences("grid", before.to_mapping()["grid"], after.to_mapping()["grid"]))


def _differences(key: str, old: Any, new: Any) -> Iterator[str]:
    """Yield a line for each difference: of the entries, where both are sections."""
    if isinstance(old, dict) and isinstance(new, dict) and "." not in key:
        for name in old | new:
            yield from _differences(
                f"{key}.{name}", old.get(name, _MISSING), new.get(name, _MISSING)
            )
    elif _plain(old) != _plain(new):
        yield f"{key}: {_shown(new)}, was {_shown(old)}"


def _plain(value: Any) -> str:
    """A text that is equal for equal values of equal types: 1 is not true."""
    return "" if value is _MISSING else json.dumps(value, sort_keys=True)


def _shown(value: Any) -> str:
    return "left out" if value is _MISSING else show(value)
