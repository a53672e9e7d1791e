"""The Parquet files that a table is split into: their names, and rows that lie in two of them."""

import hashlib
import re
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

COMPACTED = "compacted.parquet"
"""The name of the file that all parts of a table are merged to."""


def part_name(study: str, pack: int) -> str:
    """Return the file name of a pack's part: plain characters only, distinct for each study."""
    slug = re.sub(r"[^A-Za-z0-9._]+", "-", study).strip("-._")[:80]
    digest = hashlib.sha256(study.encode()).hexdigest()[:8]
    return f"{slug or 'study'}-{digest}-pack-{pack:05d}.parquet"


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
