"""Columns of plain values, checked, to an Arrow table."""

from collections.abc import Mapping, Sequence
from numbers import Integral
from types import NoneType
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc


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
        table = pa.table({name: columns[name] for name in schema.names}, schema=schema)
    except (pa.ArrowException, OverflowError) as error:
        raise ValueError(f"a row's values must have the types of the schema; {error}") from error
    for field in schema:
        if field.type == pa.float64():
            _check_finite(table[field.name], columns[field.name], field)
    return table


def _check_values(values: Sequence[Any], field: pa.Field) -> None:
    if not field.nullable and None in values:
        raise ValueError(f"the column {field.name} of a row must not be null")
    if field.type != pa.int64():
        return
    # Arrow would cut 1.5 to 1. Types are few, where values may be millions.
    wrong = [each for each in set(map(type, values)) if not issubclass(each, Integral | NoneType)]
    if wrong:
        value = next(value for value in values if type(value) in wrong)
        raise ValueError(
            "a row's values must have the types of the schema; "
            f"got {value!r} for the integer {field.name}"
        )


def _check_finite(column: pa.ChunkedArray, values: Sequence[Any], field: pa.Field) -> None:
    place = pc.index(pc.is_finite(column), False).as_py()
    if place >= 0:
        raise ValueError(
            f"a number in a row must be finite, or null where nothing is known; "
            f"got {values[place]!r} for {field.name}"
        )
