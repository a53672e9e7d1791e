"""A table of ratings, read and checked: who rated what, how, and when.

Ids of any type become numbers in the order in which they come: nothing but these, the ratings and
the times is kept, so that ten million of them take a few hundred megabytes.
"""

import hashlib
from collections.abc import Hashable
from dataclasses import dataclass

import numpy
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from .rating_file import TableError, TableReference, read_batches

Integers = npt.NDArray[numpy.int32]
Floats = npt.NDArray[numpy.float64]

LARGEST_RATING = 1e9
"""Of larger ones float32 could not hold the squares with which losses and optimisers reckon."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RatingTable:
    """N ratings in the order of the file.

    Attributes:
        users: (N,) of each rating its user, by the number of others that came before.
        items: (N,) likewise.
        ratings: (N,) finite.
        timestamps: (N,) whole or other numbers, of dates the microseconds since 1970; None without.
        fingerprint: SHA-256 of all of it, ids included: whatever the file's format and compression.
    """

    users: Integers
    items: Integers
    ratings: Floats
    timestamps: npt.NDArray[numpy.int64] | Floats | None
    fingerprint: str

    def __len__(self) -> int:
        return len(self.ratings)


def read_ratings(reference: TableReference) -> RatingTable:
    """Read a table, and check that it can be learned from.

    Raises TableError, with counts: for what `read_batches` refuses, missing ids, ratings that are
    missing, no numbers, not finite or too large, times likewise, and pairs that are rated twice.
    """
    ids = {of: _Ids(of) for of in ("user", "item")}
    numbers = {of: _Numbers(of) for of in reference.columns if of not in ids}
    for batch in read_batches(reference):
        for of, column in zip(reference.columns, batch.columns, strict=True):
            (ids | numbers)[of].add(column)
    count = len(ids["user"])
    faults = [
        f"{column.faults} in {reference.columns[of]}"
        for of, column in (ids | numbers).items()
        if column.faults
    ]
    if faults:
        raise TableError(
            f"of {count:,} ratings, {'; '.join(faults)}; leave these out, or give them values"
        )
    users, items = (each.codes() for each in ids.values())
    _check_pairs(users, items, [[*each.values] for each in ids.values()])
    ratings = numbers["rating"].values().astype(numpy.float64)
    timestamps = numbers["timestamp"].values() if "timestamp" in numbers else None
    digest = hashlib.sha256()
    for array in (users, items, ratings, timestamps):
        if array is not None:
            digest.update(f"{array.dtype.str}{len(array)}".encode())
            digest.update(numpy.ascontiguousarray(array).data)
    for each in ids.values():
        for value in each.values:
            digest.update(f"{len(str(value))}:{value}".encode())
    return RatingTable(
        users=users,
        items=items,
        ratings=ratings,
        timestamps=timestamps,
        fingerprint=digest.hexdigest(),
    )


class _Ids:
    """A column of ids: each value's number, and how often there is none."""

    def __init__(self, of: str) -> None:
        self._of = of
        self.values: dict[Hashable, int] = {}
        self._codes: list[Integers] = []
        self._missing = 0

    def add(self, column: pa.Array) -> None:
        column = _plain(column)
        if pa.types.is_nested(column.type):
            raise TableError(
                f"must have ids that are numbers, texts or dates; got {column.type} ({self._of})"
            )
        if pa.types.is_floating(column.type):
            column = pc.if_else(pc.is_nan(column), None, column)
        self._missing += column.null_count
        encoded = column.dictionary_encode()
        known = [
            self.values.setdefault(value, len(self.values))
            for value in encoded.dictionary.to_pylist()
        ]
        places = pc.fill_null(encoded.indices, 0).to_numpy(zero_copy_only=False)
        self._codes.append(numpy.array(known or [0], dtype=numpy.int32)[places])

    def __len__(self) -> int:
        return sum(map(len, self._codes))

    @property
    def faults(self) -> str:
        return f"{self._missing:,} have no id" if self._missing else ""

    def codes(self) -> Integers:
        return numpy.concatenate([*self._codes, numpy.empty(0, numpy.int32)])


class _Numbers:
    """A column of ratings, or of times: numbers, and what is none."""

    def __init__(self, of: str) -> None:
        self._dates = of == "timestamp"
        self._what = "a time" if self._dates else "a rating"
        self._other = "neither a number nor a date" if self._dates else "no number"
        self._parts: list[npt.NDArray[numpy.int64] | Floats] = []
        self._missing = self._infinite = self._large = self._others = 0
        self._first_other = ""
        self._numbers = self._dated = 0  # of texts

    def add(self, column: pa.Array) -> None:
        column = _plain(column)
        self._missing += column.null_count
        column = column.drop_null()
        if pa.types.is_string(column.type):
            column = self._parsed(pc.utf8_trim_whitespace(column))
        elif self._dates and pa.types.is_date(column.type):
            column = column.cast(pa.timestamp("us")).cast(pa.int64())
        elif self._dates and pa.types.is_timestamp(column.type):
            column = column.cast(pa.timestamp("us", column.type.tz), safe=False).cast(pa.int64())
        elif pa.types.is_boolean(column.type) or not _is_number(column.type):
            self._others += len(column)
            self._first_other = self._first_other or str(next(iter(column.to_pylist()), ""))
            return
        elif not (self._dates and pa.types.is_integer(column.type)):
            column = column.cast(pa.float64(), safe=False)
        if pa.types.is_floating(column.type):
            self._infinite += len(column) - (pc.sum(pc.is_finite(column)).as_py() or 0)
            if not self._dates:
                large = pc.and_(pc.is_finite(column), pc.greater(pc.abs(column), LARGEST_RATING))
                self._large += pc.sum(large).as_py() or 0
        self._parts.append(column.to_numpy(zero_copy_only=False))

    def _parsed(self, texts: pa.Array) -> pa.Array:
        """Texts as numbers, or as dates; those that are neither are counted and left out."""
        found = self._cast(texts)
        if found is not None:
            return found
        known = [pa.array([], pa.float64())]
        for place in range(len(texts)):
            one = self._cast(texts.slice(place, 1))
            if one is None:
                self._others += 1
                self._first_other = self._first_other or str(texts[place])
            else:
                known.append(one.cast(pa.float64()))
        return pa.concat_arrays(known)

    def _cast(self, texts: pa.Array) -> pa.Array | None:
        """All of them as numbers, or all as dates; None where some are neither."""
        for kind in _TIMES if self._dates else [pa.float64()]:
            try:
                found = texts.cast(kind)
            except pa.ArrowInvalid:
                continue
            if not pa.types.is_timestamp(kind):
                self._numbers += len(texts)
                return found
            self._dated += len(texts)
            return found.cast(pa.int64())
        return None

    @property
    def faults(self) -> str:
        counts = {
            f"are missing {self._what}": self._missing,
            f"have {self._what} that is {self._other} ({self._first_other!r})": self._others,
            f"have {self._what} that is not finite": self._infinite,
            f"have a rating beyond {LARGEST_RATING:g}, up or down": self._large,
            "have a date where others have a number": self._dated if self._numbers else 0,
        }
        return ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)

    def values(self) -> npt.NDArray[numpy.int64] | Floats:
        return numpy.concatenate([*self._parts]) if self._parts else numpy.empty(0)


_TIMES = (pa.int64(), pa.float64(), pa.timestamp("us"), pa.timestamp("us", "UTC"))
"""What a text may say of a time."""


def _plain(column: pa.Array) -> pa.Array:
    """A column without the ways in which Arrow keeps texts and categories; all null as texts."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    texts = (pa.types.is_large_string, pa.types.is_string_view, pa.types.is_null)
    return column.cast(pa.string()) if any(each(column.type) for each in texts) else column


def _is_number(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    )


def _check_pairs(users: Integers, items: Integers, ids: list[list[Hashable]]) -> None:
    """Refuse a pair that is rated twice."""
    pairs = numpy.sort(users.astype(numpy.int64) * len(ids[1]) + items)
    again = pairs[1:][pairs[1:] == pairs[:-1]]
    if len(again):
        user, item = divmod(int(again[0]), len(ids[1]))
        raise TableError(
            f"must rate each pair of user and item once; {len(again):,} of {len(users):,} ratings "
            f"are of a pair that was rated before (user {ids[0][user]}, item {ids[1][item]}); "
            "keep one of each"
        )
