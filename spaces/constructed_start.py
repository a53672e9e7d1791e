"""Whether a search that begins with weights set by hand has such weights for all its trials."""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from .faults import Fault
from .given_values import known_values
from .vocabulary import LINEAR, has_construction

STARTS = ("constructed", "folded")
"""The initialisations that are set by hand."""
_ANY_LAYERS = (1,)
"""Hidden layers of whatever sizes: what is known for these is known for all."""
_NEXT_STEP = (
    "leave it out, or let target be dot, activation relu and inputs normal or rademacher (or any, "
    "with multiplication)"
)


def constructed_start_faults(data: Mapping[str, Any]) -> list[Fault]:
    """Return a fault for each initialisation by hand beside what no network by hand is known for.

    Any value of the grid and of the space may meet any other. `data` is the spec as a mapping, with
    its defaults; what is broken in it is left to others.
    """
    starts = [
        (path, start) for path, start in known_values(data, "initialisation") if start in STARTS
    ]
    unknown = next(_unknown(data), None) if starts else None
    if unknown is None:
        return []
    rule = f"needs a network by hand, and none is known for {unknown}"
    return [Fault(path=path, rule=rule, got=start, next_step=_NEXT_STEP) for path, start in starts]


def _unknown(data: Mapping[str, Any]) -> Iterator[str]:
    """Configurations that may occur and have no construction, in words."""
    names = ("target", "inputs", "data", "multiplication", "activation")
    values: list[list[Any]] = [[value for _, value in known_values(data, name)] for name in names]
    if ["table"] in values:  # which has neither target nor inputs
        values[:2] = [None], [None]
    for layer_sizes, *combined in product(_layer_sizes(data), *values):
        given = dict(zip(names, combined, strict=True))
        if not has_construction(layer_sizes=layer_sizes, **given):
            given["multiplication"] = str(given["multiplication"]).lower()
            known = {name: value for name, value in given.items() if value is not None}
            words = ", ".join(f"{name} {value}" for name, value in known.items())
            yield f"{words}, {'with' if layer_sizes else 'without'} hidden layers"


def _layer_sizes(data: Mapping[str, Any]) -> list[tuple[int, ...]]:
    """With and without hidden layers, as far as it may occur."""
    linear = {value == LINEAR for _, value in known_values(data, "layer_sizes")}
    linear |= {value == 0 for _, value in known_values(data, "depth")}
    return [() if each else _ANY_LAYERS for each in sorted(linear)]
