"""The columns of a table of ratings, some rows at a time: Parquet, CSV or TSV, wherever it lies."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import quote

import pyarrow as pa
import pyarrow.csv
import pyarrow.fs
import pyarrow.parquet

BATCH_ROWS = 65_536
_BLOCK_BYTES = 4_000_000
DELIMITERS = {".csv": ",", ".tsv": "\t"}
"""Of text files, by what their names end in."""
COMPRESSED = ".gz"
"""What the name of a compressed one ends in."""


class TableError(ValueError):
    """A table of ratings can't be used; the message says the rule, what is there, the next step."""


@dataclass(frozen=True, kw_only=True)
class TableReference:
    """Where a table lies, and which of its columns hold what."""

    table: str
    """A local path, or a URI that `pyarrow.fs` knows, in which nothing is percent-encoded."""
    user: str = "user"
    item: str = "item"
    rating: str = "rating"
    timestamp: str | None = None

    @property
    def columns(self) -> dict[str, str]:
        """The columns' names, by what they hold."""
        names = {"user": self.user, "item": self.item, "rating": self.rating}
        return names | ({} if self.timestamp is None else {"timestamp": self.timestamp})


def absolute(table: str) -> str:
    """A URI as it is, a local path as one that means the same in every folder (`~` is expanded)."""
    return table if "://" in table else os.path.abspath(os.path.expanduser(table))


def arrow_uri(table: str) -> str:
    """A table's place as `pyarrow.fs` takes it: an absolute path, or an encoded URI.

    >>> arrow_uri("s3://bucket/my ratings.csv")
    's3://bucket/my%20ratings.csv'
    """
    scheme, separator, rest = table.partition("://")
    return f"{scheme}://{quote(rest, safe='/:')}" if separator else absolute(table)


def read_batches(reference: TableReference) -> Iterator[pa.RecordBatch]:
    """Give the reference's columns, in the order user, item, rating, timestamp, batch by batch.

    The columns of a text file are all texts, in which nothing but an empty one is null.

    Raises TableError where there is no such file, it is none of these formats or has no such
    columns.
    """
    columns = reference.columns
    if len({*columns.values()}) < len(columns):
        named = ", ".join(f"{of} {name}" for of, name in columns.items())
        raise TableError(f"must have a column for each of {', '.join(columns)}; got {named}")
    filesystem, path = _opened(reference.table)
    kind = table_format(reference.table)
    with _explained(reference.table):
        if kind == ".parquet":
            with filesystem.open_input_file(path) as file:
                parquet = pyarrow.parquet.ParquetFile(file)
                _check_columns(reference, parquet.schema_arrow.names)
                names = [*columns.values()]
                for batch in parquet.iter_batches(BATCH_ROWS, columns=names):
                    yield batch.select(names)
            return
        names = _header(filesystem, path, kind)
        _check_columns(reference, names)
        with _text(filesystem, path) as stream:
            yield from pyarrow.csv.open_csv(
                stream,
                read_options=pyarrow.csv.ReadOptions(block_size=_BLOCK_BYTES),
                parse_options=pyarrow.csv.ParseOptions(delimiter=DELIMITERS[kind]),
                convert_options=pyarrow.csv.ConvertOptions(
                    include_columns=[*columns.values()],
                    column_types=dict.fromkeys(columns.values(), pa.string()),
                    strings_can_be_null=True,
                    null_values=[""],
                ),
            )


def _opened(table: str) -> tuple[pyarrow.fs.FileSystem, str]:
    """The file system that a table lies in, and its path there."""
    if not table or "\0" in table:
        raise TableError("must be the path or the URI of a table; got an empty name")
    if "://" not in table:
        return pyarrow.fs.LocalFileSystem(), absolute(table)
    scheme, _, rest = table.partition("://")
    if "@" in rest.partition("/")[0] or "?" in rest:
        raise TableError(
            f"must hold no credentials and no options; got {scheme}://***; give them in the "
            "environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT_URL, ...)"
        )
    try:
        filesystem, path = pyarrow.fs.FileSystem.from_uri(arrow_uri(table))
    except (OSError, ValueError) as error:  # Arrow's own are both
        raise TableError(f"can't be reached; got {table} ({_first_line(error)})") from None
    return filesystem, str(path)


def table_format(table: str) -> str:
    """What a table's name ends in: .parquet, .csv or .tsv, compressed or not.

    Raises TableError for anything else.
    """
    name = table.lower()
    kinds = {suffix: suffix for suffix in (".parquet", *DELIMITERS)}
    kinds |= {suffix + COMPRESSED: suffix for suffix in DELIMITERS}
    found = next((kind for suffix, kind in kinds.items() if name.endswith(suffix)), None)
    if found is None:
        raise TableError(
            f"must be Parquet, CSV or TSV, and its name end in {', '.join(kinds)}; got {table}; "
            "rename it"
        )
    return found


@contextmanager
def _explained(table: str) -> Iterator[None]:
    """Turn what Arrow and the file system say into a sentence."""
    try:
        yield
    except TableError:
        raise
    except FileNotFoundError:
        raise TableError(
            f"there is no file {table}; name yours with --set task.table=FILE"
        ) from None
    except (OSError, pa.ArrowException, ValueError) as error:
        raise TableError(
            f"can't be read; got {table} ({_first_line(error)}); check the file"
        ) from None


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


@contextmanager
def _text(filesystem: pyarrow.fs.FileSystem, path: str) -> Iterator[pa.NativeFile]:
    compression = "gzip" if path.lower().endswith(COMPRESSED) else None
    with filesystem.open_input_stream(path, compression=compression) as stream:
        yield stream


def _header(filesystem: pyarrow.fs.FileSystem, path: str, kind: str) -> list[str]:
    """The names in the first line of a text file."""
    with _text(filesystem, path) as stream:
        options = pyarrow.csv.ParseOptions(delimiter=DELIMITERS[kind])
        names: list[str] = pyarrow.csv.open_csv(stream, parse_options=options).schema.names
        return names


def _check_columns(reference: TableReference, names: list[str]) -> None:
    """Refuse a table that lacks a column, or has it twice."""
    there = f"it has {len(names)} columns: {', '.join(names[:20])}"
    for of, name in reference.columns.items():
        if name not in names:
            raise TableError(
                f"must have a column {name} ({of}); {there}; name yours with --set task.{of}=COLUMN"
            )
        if names.count(name) > 1:
            raise TableError(f"must have one column {name} ({of}); {there}; rename the others")
