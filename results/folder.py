"""The output folder of a search: the only state that a search has."""

import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cached_property

import pyarrow as pa
import pyarrow.parquet as pq

from .location import OutputError, OutputUnavailable, first_line, parse_location
from .parquet_rows import DamagedFile, open_parquet, read_rows
from .parts import COMPACTED, is_merged, is_part, merged_name, merged_number, part_name
from .patience import may_pass
from .rows import PackResult, table_of_curves, table_of_trials
from .schemas import CURVE_KEY, CURVES, SUMMARY, TRIAL_KEY, TRIALS
from .storage import Storage, open_storage
from .table_parts import TableParts

_logger = logging.getLogger(__name__)

COMPACT_ABOVE = 200
"""A finished search with more parts than this is compacted."""

_CHECKPOINTS = "_checkpoints"
_TABLES = {"curves": (CURVES, CURVE_KEY), "trials": (TRIALS, TRIAL_KEY)}
_READ_ATTEMPTS = 5
_REQUESTS_AT_ONCE = 16


class OutputFolder:
    """Reads and writes the output folder of one search, here or in an object store.

    ```
    spec.yaml, provenance.json     text
    trials/*.parquet               `TRIALS`: one part for each pack, or many packs in one
    curves/*.parquet               `CURVES`: likewise
    summary.parquet                `SUMMARY`
    report.html                    the report
    _checkpoints/                  of packs in training
    ```

    Every file appears whole or not at all, and writing it again replaces it, so that processes
    share nothing but the folder. `pandas.read_parquet("<uri>/trials")` reads it as well.
    Pickling keeps the URI alone: each process connects with its own environment's credentials.
    """

    def __init__(self, uri: str | os.PathLike[str]) -> None:
        """Name a folder; nothing is read, written or connected to yet.

        Args:
            uri: A local path (`~` is expanded) or a plain s3://, gs:// or hdfs:// URI.

        Raises:
            OutputError: for another scheme, or a URI with credentials in it.
        """
        self._location = parse_location(uri)
        self._said_damaged: set[str] = set()

    @property
    def uri(self) -> str:
        """The absolute local path, or the URI."""
        return self._location.uri

    def __repr__(self) -> str:
        """Return the call that makes this folder."""
        return f"OutputFolder({self.uri!r})"

    def __reduce__(self) -> tuple[type["OutputFolder"], tuple[str]]:
        """Pickle the URI alone."""
        return OutputFolder, (self.uri,)

    def present(self, names: Sequence[str]) -> list[str]:
        """Return those of the names that are there, as files or as folders.

        Raises:
            OutputError: if the store can't be asked.
        """
        with self._reported("readable"):
            return self._storage.present(names)

    def check_writable(self) -> None:
        """Write a file and delete it again; folders made for it go too.

        (In an object store an empty marker object of the folder may remain.)

        Raises:
            OutputError: if that fails: no permission, a file in the folder's place, no such bucket.
        """
        with self._reported("writable"):
            self._storage.check_writable()

    def write_text(self, name: str, text: str) -> None:
        """Write a UTF-8 text file, in place of an older one.

        Raises:
            OutputError: if that fails.
        """
        with self._reported("writable"):
            self._storage.write(name, text.encode())

    def read_text(self, name: str) -> str:
        """Return the content of a UTF-8 text file.

        Raises:
            OutputError: if there is none.
        """
        with self._reported("readable", name):
            return self._storage.read(name).decode()

    @contextmanager
    def leaving_no_empty_folder(self) -> Iterator[None]:
        """Delete the folders that the block makes for itself, if nothing is in them at its end."""
        with self._reported("readable"):
            missing = self._storage.missing_folders()
        try:
            yield
        finally:
            self._storage.delete_empty(missing)

    def delete(self, name: str) -> None:
        """Delete a file.

        Raises:
            OutputError: if that fails, as where there is none.
        """
        with self._reported("writable"):
            self._storage.delete(name)

    def write_pack(self, study: str, phase: str, number: int, result: PackResult) -> None:
        """Write the rows of a finished pack: one part of curves, then one of trials.

        The part of trials makes the pack finished: a pack without it is to be trained again. The
        parts are named by what names the pack, so that writing a pack again replaces its rows.

        Args:
            study: The study's name, as in the rows.
            phase: "search" or "confirm", as in the rows.
            number: The pack's number in that phase, as in the rows of `trials`.
            result: At least one row of a trial; times with a time zone.

        Raises:
            ValueError: for rows that don't fit, before anything is written.
            OutputError: if writing fails; what was written before stays.
        """
        pack = f"{phase} pack {number} of {study}"
        if not result.trials:
            raise ValueError(f"a pack must have a trial; got none for {pack}")
        tables = {
            "curves": table_of_curves(result.curves),
            "trials": table_of_trials(result.trials),
        }
        for column, value in (("study", study), ("phase", phase), ("pack", number)):
            for row in (*result.trials, *result.curves):
                found = getattr(row, column, value)  # a row of curves has no pack
                if found != value:
                    raise ValueError(f"rows of {pack} must say so; got {found!r}")
        name = part_name(study, phase, number)
        for folder in ("curves", "trials"):
            self._write_table(f"{folder}/{name}", tables[folder])

    def write_checkpoint(self, study: str, phase: str, number: int, content: bytes) -> None:
        """Write the checkpoint of a pack in training, in place of an older one.

        Raises:
            OutputError: if that fails; the older one stays.
        """
        with self._reported("writable"):
            self._storage.write(_checkpoint(study, phase, number), content)

    def read_checkpoint(self, study: str, phase: str, number: int) -> bytes | None:
        """Return the checkpoint of a pack; None if there is none.

        Raises:
            OutputError: it can't be read.
        """
        name = _checkpoint(study, phase, number)
        with self._reported("readable", name):
            return self._storage.read(name) if self._storage.is_file(name) else None

    def delete_checkpoint(self, study: str, phase: str, number: int) -> None:
        """Delete the checkpoint of a pack that is done, if there is one.

        Where that fails it stays until the search ends.
        """
        name = _checkpoint(study, phase, number)
        with suppress(OSError):
            self._storage.delete(name)

    def delete_checkpoints(self) -> None:
        """Delete what is left of them, once a search has finished.

        Raises:
            OutputError: if that fails.
        """
        with self._reported("writable"):
            for name in self._storage.files_below(_CHECKPOINTS):
                if is_part(name.removeprefix(f"{_CHECKPOINTS}/").removesuffix(".pt") + ".parquet"):
                    self._storage.delete(name)
            self._storage.delete_empty([self._storage.path_of(_CHECKPOINTS)])

    def read_trials(self) -> pa.Table:
        """Return all rows of `TRIALS`, sorted by their key; an empty table if there are none.

        A part that is no Parquet file any more (cut off, overwritten) is logged and left out: its
        pack counts as not finished.

        Raises:
            OutputError: if a file there is no part of this table, can't be read, or was written
                by another search or with another schema version; the file is named.
        """
        return self.trials_by_study().all()

    def read_curves(self) -> pa.Table:
        """Return all rows of `CURVES`, sorted by their key; an empty table if there are none.

        Of parts that are no Parquet files any more, see `read_trials`.

        Raises:
            OutputError: if a file there is no part of this table, can't be read, or was written
                by another search or with another schema version; the file is named.
        """
        return self.curves_by_study().all()

    def trials_by_study(self) -> TableParts:
        """Return the table `TRIALS` as it is now, to be read study by study, as by `read_trials`.

        Raises:
            OutputError: if a file there is no part of this table, or can't be read.
        """
        return self._parts("trials")

    def curves_by_study(self) -> TableParts:
        """Return the table `CURVES` as it is now, to be read study by study.

        Raises:
            OutputError: if a file there is no part of this table, or can't be read.
        """
        return self._parts("curves")

    def write_summary(self, table: pa.Table) -> None:
        """Write summary.parquet, in place of an older one.

        Raises:
            ValueError: for other columns than those of `SUMMARY`.
            OutputError: if writing fails.
        """
        self._write_table("summary.parquet", table.cast(SUMMARY))

    def read_summary(self) -> pa.Table:
        """Return summary.parquet as a table; an empty one if there is none yet, or none any more.

        Raises:
            OutputError: if it can't be read, or was written with another schema version.
        """
        name = "summary.parquet"
        if not self.present([name]):
            return SUMMARY.empty_table()
        try:
            file = open_parquet(self._content(name))
            return read_rows(file, SUMMARY, where=f"{self.uri}/{name}")
        except DamagedFile as damage:
            self._say_damaged(name, damage)
            return SUMMARY.empty_table()

    def compact(self) -> None:
        """Merge the parts of each table with more than 200 to one file; for a finished search.

        The merged file is written first, then the parts are deleted, so no row is ever missing.
        For the moment of deleting a row may lie in two files: `read_trials` and `read_curves` show
        it once, but pandas, reading the folder itself in that moment, would see it twice (or a
        file vanish). If a kill makes the moment long, calling `compact` again ends it. A merged
        file that can't be read goes too: a search that has finished has its rows in others.

        Raises:
            OutputError: if reading or writing fails.
        """
        for folder in _TABLES:
            parts = self._part_names(folder)
            merged = f"{folder}/{COMPACTED}"
            superseded = [part for part in parts if part != merged]
            begun = any(is_merged(_base(part)) for part in parts)
            if not superseded or (len(parts) <= COMPACT_ABOVE and not begun):
                continue
            content, table = self._merged(folder, [_base(part) for part in parts])
            with self._reported("writable"):
                self._storage.write(merged, content)
            self._delete(
                part for part in superseded if part not in table.damaged or is_merged(_base(part))
            )
            _logger.info("merged %d parts of %s/%s", len(superseded), self.uri, folder)

    def compact_packs(self) -> None:
        """Merge the parts of packs that have finished, once there are more than 200 of them.

        For a running search, whose folder would hold a file for each pack: a slow thing to list
        and to read in an object store. What was merged before stays as it is. Of the moment in
        which a row may lie in two files see `compact`; a later `compact` merges all.

        Raises:
            OutputError: if reading or writing fails.
        """
        in_folder = {folder: self._part_names(folder) for folder in _TABLES}
        loose = (
            {_base(part) for part in parts if not is_merged(_base(part))}
            for parts in in_folder.values()
        )
        packs = sorted(set.intersection(*loose))
        if len(packs) <= COMPACT_ABOVE:
            return
        numbers = (merged_number(_base(part)) for parts in in_folder.values() for part in parts)
        target = merged_name(1 + max(numbers, default=0))
        merged = {folder: self._merged(folder, packs) for folder in _TABLES}
        if damaged := {_base(part) for _, parts in merged.values() for part in parts.damaged}:
            packs = [pack for pack in packs if pack not in damaged]  # they are trained again
            merged = {folder: self._merged(folder, packs) for folder in _TABLES}
        for folder, (content, _) in merged.items():
            with self._reported("writable"):
                self._storage.write(f"{folder}/{target}", content)
            self._delete([f"{folder}/{pack}" for pack in packs])

    @cached_property
    def _storage(self) -> Storage:
        return open_storage(self._location)

    def _write_table(self, name: str, table: pa.Table) -> None:
        buffer = pa.BufferOutputStream()
        pq.write_table(table, buffer)
        with self._reported("writable"):
            self._storage.write(name, buffer.getvalue().to_pybytes())

    def _merged(self, folder: str, parts: Sequence[str]) -> tuple[bytes, TableParts]:
        """Return the content of a file with all rows of some parts, and what was read for it.

        No group of its rows has two studies.
        """
        table = self._read(folder, [f"{folder}/{part}" for part in parts])
        schema, _ = _TABLES[folder]
        buffer = pa.BufferOutputStream()
        with pq.ParquetWriter(buffer, schema) as writer:
            for rows in table.in_groups():
                writer.write_table(rows)
        return buffer.getvalue().to_pybytes(), table

    def _delete(self, names: Iterable[str]) -> None:
        with self._reported("writable"), ThreadPoolExecutor(_REQUESTS_AT_ONCE) as pool:
            list(pool.map(self._storage.delete, names))

    def _parts(self, folder: str) -> TableParts:
        """Read all parts; list them anew if one vanished meanwhile because of `compact`."""
        for attempt in range(_READ_ATTEMPTS):
            try:
                return self._read(folder, self._part_names(folder))
            except OutputError as error:
                vanished = isinstance(error.__cause__, FileNotFoundError)
                if not vanished or attempt == _READ_ATTEMPTS - 1:
                    raise
        raise AssertionError("unreachable")

    def _read(self, folder: str, names: Sequence[str]) -> TableParts:
        schema, key = _TABLES[folder]
        with ThreadPoolExecutor(_REQUESTS_AT_ONCE) as pool:
            contents = dict(zip(names, pool.map(self._content, names), strict=True))
        return TableParts(self.uri, schema, key, contents, self._say_damaged)

    def _content(self, name: str) -> bytes:
        """Read a file with one request: replaced meanwhile, it is seen before or after that."""
        with self._reported("readable", name):
            return self._storage.read(name)

    def _part_names(self, folder: str) -> list[str]:
        """List the parts of a table; refuse what pandas, reading the folder, would take for one."""
        with self._reported("readable", folder):
            names = self._storage.visible_names(folder)
        for name in names:
            if not is_part(name.removeprefix(f"{folder}/")):
                raise OutputError(
                    f"{self.uri}/{folder} must hold nothing but the parts of a search; "
                    f"got {self.uri}/{name}; move that file to another folder"
                )
        return names

    def _say_damaged(self, name: str, damage: DamagedFile) -> None:
        if name not in self._said_damaged:
            self._said_damaged.add(name)
            _logger.warning(
                "%s/%s is no Parquet file any more (%s) and left out; its rows come again with "
                "`dottune resume`",
                *(self.uri, name, damage),
            )

    @contextmanager
    def _reported(self, needed: str, name: str = "") -> Iterator[None]:
        """Turn an error of the file system or of Parquet into an OutputError; `name`: the file."""
        try:
            yield
        except (OSError, UnicodeError, pa.ArrowException) as error:
            where = f"{self.uri}/{name}" if name else self.uri
            raise (OutputUnavailable if may_pass(error) else OutputError)(
                f"an output folder must be {needed}; got {where} ({first_line(error)}); "
                + _NEXT_STEPS[needed]
            ) from error


def _base(name: str) -> str:
    return name.rpartition("/")[2]


def _checkpoint(study: str, phase: str, number: int) -> str:
    return f"{_CHECKPOINTS}/{part_name(study, phase, number).removesuffix('.parquet')}.pt"


_NEXT_STEPS = {
    "readable": "check the name, its files, the permission to read them and, of a store, the "
    "network",
    "writable": "choose another, or see to it that the folder or bucket exists, may be written "
    "and is not full",
}
