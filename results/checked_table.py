"""Columns of plain values, checked, to an Arrow table."""

import math
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any

import pyarrow as pa


def checked_table(
    columns: Mapping[str, Sequence[Any]], schema: pa.Schema, key: Sequence[str]
) -> pa.Table:
    """Return `columns`, which are those of `schema`, as a table.

    Raises:
        ValueError: for a null or a value of another type where `schema` has no place for it, a
            number that is not finite, or two rows with the same key.
    """
    for field in schema:
        _check_values(columns[field.name], field)
    keys = [*zip(*(columns[name] for name in key), strict=True)]
    if len(set(keys)) < len(keys):
        raise ValueError(f"rows must differ in their key ({', '.join(key)}); got some key twice")
    try:
        return pa.table({name: columns[name] for name in schema.names}, schema=schema)
    except (pa.ArrowException, OverflowError) as error:
        raise ValueError(f"a row's values must have the types of the schema; {error}") from error


def _check_values(values: Sequence[Any], field: pa.Field) -> None:
    if not field.nullable and None in values:
        raise ValueError(f"the column {field.name} of a row must not be null")
    if field.type == pa.float64():
        _check_finite(values, field)
    if field.type != pa.int64():
        return
    for value in values:
        if value is not None and not isinstance(value, Integral):  # Arrow would cut 1.5 to 1
            raise ValueError(
                "a row's values must have the types of the schema; "
                f"got {value!r} for the integer {field.name}"
            )


def _check_finite(values: Sequence[Any], field: pa.Field) -> None:
    for value in values:
        if isinstance(value, Real) and not math.isfinite(value):
            raise ValueError(
                f"a number in a row must be finite, or null where nothing is known; "
                f"got {value!r} for {field.name}"
            )
