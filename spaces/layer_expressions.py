"""Layer sizes in a spec: whole numbers, or expressions in the dimension such as 4d and d/2."""

import re
from collections.abc import Sequence

from .vocabulary import LINEAR, layers_text

_UNITS = re.compile(r"(?P<factor>[1-9][0-9]{0,8})?(?P<d>d)?(?:/(?P<divisor>[1-9][0-9]{0,8}))?")

RULE = (
    "must be a list of the units of each hidden layer, whole numbers or multiples of the dimension "
    "([64, 32], [4d, d/2]), or null for a linear network"
)


def layers_as_text(value: object) -> str | None:
    """Return layer sizes as one text, "4d-d/2" or "linear"; None for what is no such thing.

    >>> layers_as_text(["4d", 8]), layers_as_text(None), layers_as_text([0])
    ('4d-8', 'linear', None)
    """
    if value is None or value == LINEAR:
        return LINEAR
    layers = value.split("-") if isinstance(value, str) else value
    if not isinstance(layers, Sequence):
        return None
    if not layers:
        return LINEAR
    texts = [
        each if isinstance(each, str) else str(each) if type(each) is int else "" for each in layers
    ]
    return "-".join(texts) if all(map(_is_expression, texts)) else None


def layers_at(text: str, dimension: int | None) -> str:
    """Return the layer sizes at a dimension: every expression as the number that it is there.

    Raises:
        ValueError: for one that is no whole number there, or where there is none, in words.

    >>> layers_at("4d-d/2-3", 8)
    '32-4-3'
    """
    if text == LINEAR:
        return LINEAR
    return layers_text([_units(each, dimension) for each in text.split("-")])


def _is_expression(text: str) -> bool:
    match = _UNITS.fullmatch(text)
    if match is None:
        return False
    return match["d"] is not None or (match["factor"] is not None and match["divisor"] is None)


def _units(text: str, dimension: int | None) -> int:
    match = _UNITS.fullmatch(text)
    assert match is not None
    if match["d"] and dimension is None:
        raise ValueError(f"{text} is none, as there is no dimension")
    factor = int(match["factor"] or 1) * (dimension or 1 if match["d"] else 1)
    units, rest = divmod(factor, int(match["divisor"] or 1))
    if rest:
        raise ValueError(f"{text} is no whole number at dimension {dimension}")
    return units
