"""The Parquet files that a table is split into: their names, and what must hold among them."""

import hashlib
import re
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from spaces.vocabulary import MEMBER_HYPERPARAMETERS, PHASES

from .location import OutputError
from .schemas import ADDED_COLUMNS, SCHEMA_VERSION

COMPACTED = "compacted.parquet"
"""The name of the file that all parts of a table are merged to."""
_MERGED_NAME = r"compacted(-[0-9]{5,})?\.parquet"

_PART_NAME = rf"[A-Za-z0-9._-]+-[0-9a-f]{{8}}-({'|'.join(PHASES)}|pack)-[0-9]{{5,}}\.parquet"
"""The word between was "pack" in version 1."""


def part_name(study: str, phase: str, pack: int) -> str:
    """Return the file name of a pack's part: plain characters only, distinct for each study."""
    slug = re.sub(r"[^A-Za-z0-9._]+", "-", study).strip("-._")[:80]
    digest = hashlib.sha256(study.encode()).hexdigest()[:8]
    return f"{slug or 'study'}-{digest}-{phase}-{pack:05d}.parquet"


def is_part(name: str) -> bool:
    """Say whether a file's name is one that `part_name` gives, or the compacted file's.

    >>> is_part(part_name("dimension=8", "search", 3)), is_part("mydata.parquet")
    (True, False)
    """
    return is_merged(name) or re.fullmatch(_PART_NAME, name) is not None


def merged_name(number: int) -> str:
    """Return the name of a file that the parts of many packs of a running search are merged to."""
    return f"compacted-{number:05d}.parquet"


def is_merged(name: str) -> bool:
    """Say whether a file's name is one that `merged_name` gives, or the compacted file's.

    >>> is_merged(COMPACTED), is_merged(merged_name(7)), is_merged(part_name("a", "search", 3))
    (True, True, False)
    """
    return re.fullmatch(_MERGED_NAME, name) is not None


def merged_number(name: str) -> int:
    """Return the number in a merged file's name; 0 for the compacted file.

    >>> merged_number(merged_name(7)), merged_number(COMPACTED)
    (7, 0)
    """
    found = re.fullmatch(_MERGED_NAME, name)
    return int(found[1][1:]) if found and found[1] else 0


def study_prefix(name: str) -> str:
    """Return what the names of all parts of a study begin with.

    >>> study_prefix(part_name("a", "search", 3)) == study_prefix(part_name("a", "confirm", 0))
    True
    """
    return name.rpartition("-")[0].rpartition("-")[0]


def without_repeats(table: pa.Table, key: Sequence[str]) -> pa.Table:
    """Return one row of each run of rows with the same key, from a table sorted by that key.

    Only an interrupted or running compaction leaves a row in two files, and both hold the same.
    """
    if table.num_rows < 2:
        return table
    repeated: Any = True
    for name in key:
        column = table[name].combine_chunks()
        repeated = pc.and_(repeated, pc.equal(column[1:], column[:-1]))
    return table.filter(pa.concat_arrays([pa.array([True]), pc.invert(repeated)]))


def check_one_search(uri: str, name: str, table: pa.Table, found: dict[str, str]) -> None:
    """Refuse parts of two searches in the folder at `uri`.

    Args:
        uri: The folder.
        name: Of a file in it.
        table: Its rows.
        found: The searches of the files before, each with the name of one; gets this one's.

    Raises:
        OutputError: with each search and a file of it.
    """
    for search in table["search"].unique().to_pylist():
        found.setdefault(search, name)
    if len(found) > 1:
        parts = ", ".join(f"{search} (in {file})" for search, file in found.items())
        raise OutputError(
            f"an output folder must hold one search; got {len(found)} in {uri}: {parts}; "
            "move the files of the others to another folder"
        )


def later_column(table: pa.Table, field: pa.Field) -> pa.Array:
    """Return a column that came after the version of `table`, which was written without it.

    Its values are the default, which was the only one then: of a hyperparameter that the trial
    reads, in rows that have hyperparameters at all. All others are null.
    """
    described = MEMBER_HYPERPARAMETERS.get(field.name)
    if described is None:
        return pa.nulls(table.num_rows, field.type)
    reading = pc.is_valid(table["optimizer"])
    readers = {
        "optimizer": described.belongs_to,
        "model": described.of_model,
        "data": described.of_data,
    }
    for column, names in readers.items():
        if names and column in table.column_names:
            reading = pc.and_(reading, pc.is_in(table[column], value_set=pa.array(names)))
    default = pa.scalar(described.default, field.type)
    return pc.if_else(reading, default, pa.scalar(None, field.type))


def columns_since(schema: pa.Schema, *, where: str) -> frozenset[str]:
    """Return the columns that versions after a file's own have added: those it may lack.

    Raises:
        OutputError: for a file of a later version than this release writes, or of none.
    """
    version = (schema.metadata or {}).get(b"schema_version", b"none").decode()
    if not version.isdecimal() or not 1 <= int(version) <= SCHEMA_VERSION:
        raise OutputError(
            f"a table must have a schema version up to {SCHEMA_VERSION}; got {version} in {where}; "
            "read it with the release of dottune that wrote it, or a later one"
        )
    added = (names for later, names in ADDED_COLUMNS.items() if later > int(version))
    return frozenset[str]().union(*added)
