"""The rows of one Parquet file, held to the schema of its table."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from .location import OutputError, first_line
from .parts import columns_since, later_column


class DamagedFile(Exception):
    """It is no Parquet file any more: cut off, overwritten; the reason in one line."""


def open_parquet(content: bytes) -> pq.ParquetFile:
    """Open a file's content.

    Raises:
        DamagedFile: it is none.
    """
    try:
        return pq.ParquetFile(pa.BufferReader(content))
    except (OSError, pa.ArrowException) as error:
        raise DamagedFile(first_line(error)) from error


def read_rows(
    file: pq.ParquetFile, schema: pa.Schema, *, where: str, groups: Sequence[int] | None = None
) -> pa.Table:
    """Read rows; columns that later versions have added come as those had them.

    All columns are read, so that damage to any shows.

    Args:
        file: An open file.
        schema: Of the table that it is a part of.
        where: The file's path or URI, for messages.
        groups: The groups of rows to read; None for all.

    Raises:
        DamagedFile: a column can't be read.
        OutputError: the file has another schema version, lacks a column or has another type.
    """
    there = file.schema_arrow.names
    later = columns_since(file.schema_arrow, where=where)
    missing = [column for column in schema.names if column not in there]
    lacking = [column for column in missing if column not in later]
    if lacking:
        raise OutputError(
            f"a table must have all columns of its schema; {where} lacks "
            f"{', '.join(lacking)}; put the file back as it was, or delete it and resume"
        )
    wanted = range(file.num_row_groups) if groups is None else groups
    try:
        table = file.read_row_groups([*wanted], use_threads=False)
    except (OSError, pa.ArrowException) as error:
        raise DamagedFile(first_line(error)) from error
    for column in missing:
        table = table.append_column(column, later_column(table, schema.field(column)))
    try:
        return table.select(schema.names).cast(schema)
    except pa.ArrowException as error:
        raise OutputError(
            f"a table must have the types of its schema; {where} has others "
            f"({first_line(error)}); put the file back as it was, or delete it and resume"
        ) from error
