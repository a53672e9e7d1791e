"""Rows as plain dicts, checked, to Arrow tables."""

import math
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any

import pyarrow as pa

Row = Mapping[str, Any]


def table_of(rows: Sequence[Row], schema: pa.Schema, key: Sequence[str]) -> pa.Table:
    """Return `rows` as a table with the columns of `schema`, in its order.

    Raises:
        ValueError: for a missing or an extra column, a null or a value of another type where
            `schema` has no place for it, a number that is not finite, or two rows with the same
            key.
    """
    for row in rows:
        _check_columns(row, schema.names)
    columns = {field.name: [row[field.name] for row in rows] for field in schema}
    for field in schema:
        _check_values(columns[field.name], field)
    if len(set(zip(*(columns[name] for name in key), strict=True))) < len(rows):
        raise ValueError(f"rows must differ in their key ({', '.join(key)}); got some key twice")
    try:
        return pa.table(columns, schema=schema)
    except (pa.ArrowException, OverflowError) as error:
        raise ValueError(f"a row's values must have the types of the schema; {error}") from error


def _check_columns(row: Row, names: Sequence[str]) -> None:
    if row.keys() == set(names):
        return
    missing = [name for name in names if name not in row]
    extra = sorted(row.keys() - set(names))
    raise ValueError(
        "a row must have exactly the columns of its schema; "
        f"missing: {', '.join(missing) or 'none'}; extra: {', '.join(extra) or 'none'}"
    )


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
