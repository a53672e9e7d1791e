"""The parts of a table as they lay in an output folder at one moment, read one study at a time."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .location import first_line
from .parquet_rows import DamagedFile, open_parquet, read_rows
from .parts import check_one_search, is_merged, study_prefix, without_repeats

_PARSED_AT_ONCE = 4


class TableParts:
    """A table in parts: those of single packs, and files that many of them were merged to.

    Memory holds the files as they are, compressed, and of rows those of the study that is read.
    A part that is no Parquet file any more is left out, and said to be. `studies` and `of` raise
    OutputError for a part that can't be read, lacks a column, has another schema version, or is
    another search's.
    """

    def __init__(
        self,
        uri: str,
        schema: pa.Schema,
        key: Sequence[str],
        contents: Mapping[str, bytes],
        say_damaged: Callable[[str, DamagedFile], None],
    ) -> None:
        """Take the files' contents by their names, within the output folder at `uri`.

        Nothing of them is looked at yet. `say_damaged` is called with a file's name.
        """
        self._uri, self._schema, self._key = uri, schema, key
        self.damaged: set[str] = set()
        """The names of the files found so far that are left out, wholly or of some study."""
        self._say_damaged = say_damaged
        self._searches: dict[str, str] = {}
        self._merged = {name: contents[name] for name in contents if is_merged(_base(name))}
        self._loose: dict[str, dict[str, bytes]] = {}
        for name, content in contents.items():
            if name not in self._merged:
                prefix = study_prefix(_base(name))
                self._loose.setdefault(prefix, {})[name] = content

    @cached_property
    def studies(self) -> list[str]:
        """The names of the studies that have rows, sorted."""
        found = {*self._groups}
        for name, file in self._files.items():
            try:
                found.update(_studies_in(file))
            except (OSError, pa.ArrowException) as error:
                self._leave_out(name, DamagedFile(first_line(error)))
        return sorted(found)

    def of(self, study: str, columns: Sequence[str] | None = None) -> pa.Table:
        """Return the rows of a study, sorted by their key, no key twice.

        Args:
            study: Its name; one that isn't there has no rows.
            columns: Those to return, in this order; None for all.
        """
        wanted = self._schema.names if columns is None else [*columns]
        kept = [*dict.fromkeys([*wanted, *self._key])]
        merged = [self._from_merged(name, study) for name in self._files]
        tables = [each.select(kept) for each in merged if each is not None and each.num_rows]
        loose = self._from_loose(study, kept)
        empty = self._schema.empty_table().select(kept)
        table = pa.concat_tables([empty, *tables, *loose])
        if loose or len(tables) > 1:  # each merged file is sorted
            table = table.sort_by([(name, "ascending") for name in self._key])
            table = without_repeats(table, self._key)
        return table.select(wanted)

    def all(self, columns: Sequence[str] | None = None) -> pa.Table:
        """Return the rows of all studies, sorted by their key; `columns` as in `of`."""
        wanted = self._schema.names if columns is None else [*columns]
        tables = (self.of(study, wanted) for study in self.studies)
        return pa.concat_tables([self._schema.empty_table().select(wanted), *tables])

    def as_they_lie(self) -> Iterator[pa.Table]:
        """Give the rows of each file, those that lie there twice too."""
        for contents in (self._merged, *self._loose.values()):
            for name, content in contents.items():
                table = self._parsed(name, content)
                if table is not None:
                    yield table

    def in_groups(self, most: int = 1 << 16) -> Iterator[pa.Table]:
        """Give all rows in their order, up to `most` at once, no two studies together."""
        for study in self.studies:
            table = self.of(study)
            for first in range(0, table.num_rows, most):
                yield table.slice(first, most)

    @cached_property
    def _groups(self) -> dict[str, str]:
        """The beginning of the parts' names of each study that has parts of single packs."""
        found = {}
        for prefix, contents in self._loose.items():
            for name in contents:
                table = self._parsed(name, contents[name])
                if table is not None and table.num_rows:
                    found[table["study"][0].as_py()] = prefix
                    break
        return found

    @cached_property
    def _files(self) -> dict[str, pq.ParquetFile]:
        """The merged files that can be read."""
        opened = {name: self._open(name, content) for name, content in self._merged.items()}
        return {name: file for name, file in opened.items() if file is not None}

    def _from_merged(self, name: str, study: str) -> pa.Table | None:
        file = self._files[name]
        groups = [index for index in range(file.num_row_groups) if _may_hold(file, index, study)]
        table = self._rows(name, file, groups) if groups else None
        return None if table is None else table.filter(pc.field("study") == study)

    def _from_loose(self, study: str, columns: Sequence[str]) -> list[pa.Table]:
        contents = self._loose.get(self._groups.get(study, ""), {})
        with ThreadPoolExecutor(_PARSED_AT_ONCE) as pool:
            tables = pool.map(lambda name: self._parsed(name, contents[name]), contents)
            return [table.select(columns) for table in tables if table is not None]

    def _parsed(self, name: str, content: bytes) -> pa.Table | None:
        file = self._open(name, content)
        return None if file is None else self._rows(name, file)

    def _open(self, name: str, content: bytes) -> pq.ParquetFile | None:
        try:
            return open_parquet(content)
        except DamagedFile as damage:
            self._leave_out(name, damage)
            return None

    def _rows(
        self, name: str, file: pq.ParquetFile, groups: Sequence[int] | None = None
    ) -> pa.Table | None:
        try:
            table = read_rows(file, self._schema, where=f"{self._uri}/{name}", groups=groups)
        except DamagedFile as damage:
            self._leave_out(name, damage)
            return None
        check_one_search(self._uri, name, table, self._searches)
        return table

    def _leave_out(self, name: str, damage: DamagedFile) -> None:
        self.damaged.add(name)
        self._say_damaged(name, damage)


def _base(name: str) -> str:
    return name.rpartition("/")[2]


def _studies_in(file: pq.ParquetFile) -> Iterator[str]:
    for index in range(file.num_row_groups):
        ends = _ends(file, index)
        if ends is not None and ends[0] == ends[1]:
            yield ends[0]
        else:
            column = file.read_row_group(index, columns=["study"], use_threads=False)["study"]
            yield from column.unique().to_pylist()


def _may_hold(file: pq.ParquetFile, index: int, study: str) -> bool:
    ends = _ends(file, index)
    return ends is None or ends[0] <= study <= ends[1]


def _ends(file: pq.ParquetFile, index: int) -> tuple[str, str] | None:
    """The first and the last study of a group of rows, where the file says it."""
    group = file.metadata.row_group(index)
    place = file.schema_arrow.names.index("study")
    statistics = group.column(place).statistics
    if statistics is None or not statistics.has_min_max:
        return None
    return statistics.min, statistics.max
