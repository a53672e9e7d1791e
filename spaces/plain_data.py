"""Plain data: what NumPy and its like hold, as Python's own numbers, texts and lists."""

from collections.abc import Mapping
from typing import Any

_DEEPEST = 6
"""Levels of a spec that are looked into: more than it has, and junk may be deeper without end."""


def plain_data(value: Any, levels: int = _DEEPEST) -> Any:
    """Return `value` with the arrays and scalars of NumPy in it as Python's own.

    A scalar of float32 becomes the float of the same value. Half a character (a surrogate, which no
    file can hold) becomes its escape, as text that is then refused. Everything else stays as it is.
    """
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    if hasattr(value, "dtype") and hasattr(value, "tolist"):
        return value.tolist()
    if levels == 0:
        return value
    if isinstance(value, Mapping):
        return {plain_data(key, 0): plain_data(inner, levels - 1) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        inner = [plain_data(each, levels - 1) for each in value]
        changed = any(new is not old for new, old in zip(inner, value, strict=True))
        return inner if changed else value
    return value
