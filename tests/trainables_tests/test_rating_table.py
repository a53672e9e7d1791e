"""A user's table of ratings: read from any format, checked with counts, split."""

from itertools import product
from pathlib import Path
from typing import Any

import boto3
import numpy
import pandas
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.object_store import object_store
from tests.trainables_tests.rating_tables import made_up_ratings, written
from trainables.ratings import (
    RatingTable,
    SplitRatings,
    SplitSizes,
    TableError,
    TableReference,
    rating_file,
    read_ratings,
    split_ratings,
)

FORMATS = ["a.parquet", "a.csv", "a.tsv", "a.csv.gz", "a.tsv.gz", "A.CSV"]


@pytest.mark.parametrize("name", FORMATS)
def test_a_table_is_read_as_pandas_has_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = made_up_ratings(300)
    for batch_rows in (7, 65_536):
        monkeypatch.setattr(rating_file, "BATCH_ROWS", batch_rows)
        table = written(frame, tmp_path / name)
        for uri in (table, f"file://{table}"):
            read = read_ratings(TableReference(table=uri, timestamp="timestamp"))
            for codes, column in ((read.users, "user"), (read.items, "item")):
                assert codes.tolist() == pandas.factorize(frame[column])[0].tolist()
            assert read.ratings.tolist() == frame["rating"].tolist()
            assert read.timestamps is not None
            assert read.timestamps.tolist() == frame["timestamp"].tolist()


def test_the_fingerprint_is_of_the_content_whatever_the_format(tmp_path: Path) -> None:
    frame = made_up_ratings(100)
    prints = {
        read_ratings(TableReference(table=written(frame, tmp_path / name))).fingerprint
        for name in FORMATS
    }
    assert len(prints) == 1
    changes: list[dict[str, Any]] = [
        {"user": frame["user"] + "'"},
        {"item": frame["item"] + 1},
        {"rating": frame["rating"].where(frame.index != 5, 0.25)},
    ]
    for change in changes:
        table = written(frame.assign(**change), tmp_path / "changed.csv")
        prints.add(read_ratings(TableReference(table=table)).fingerprint)
    table = written(frame.iloc[::-1], tmp_path / "turned.csv")
    prints.add(read_ratings(TableReference(table=table)).fingerprint)
    assert len(prints) == 5


def test_texts_in_every_way_that_arrow_keeps_them(tmp_path: Path) -> None:
    frame = made_up_ratings(50)
    expected = read_ratings(TableReference(table=written(frame, tmp_path / "a.csv"))).fingerprint
    for kind in (pa.string(), pa.large_string(), pa.string_view()):
        columns = {name: pa.array(frame[name].astype(str), kind) for name in ("user", "rating")}
        table = pa.table(columns | {"item": pa.array(frame["item"])})
        pq.write_table(table, tmp_path / "a.parquet")
        read = read_ratings(TableReference(table=str(tmp_path / "a.parquet")))
        assert read.fingerprint == expected


IDS = {
    "texts": lambda number: f'name {number}, "x"',
    "dates": lambda number: pandas.Timestamp("2020-01-01") + pandas.Timedelta(days=number),
    "large numbers": lambda number: 2**62 + number,
    "fractions": lambda number: number / 8,
}


@pytest.mark.parametrize("kind", [*IDS, "categories"])
def test_ids_of_any_type(kind: str, tmp_path: Path) -> None:
    frame = made_up_ratings(60)
    numbers = frame["item"]
    frame["item"] = numbers.astype("category") if kind == "categories" else numbers.map(IDS[kind])
    names = ["a.parquet", *(["a.csv"] if kind in ("texts", "large numbers") else [])]
    for name in names:
        read = read_ratings(TableReference(table=written(frame, tmp_path / name)))
        assert read.items.tolist() == pandas.factorize(numbers)[0].tolist()


def test_ids_of_texts_are_taken_literally(tmp_path: Path) -> None:
    """Neither is a number that begins with zeros another one, nor is NA or null missing."""
    lines = [f"{user},i{item},{item}" for user in ("7", "007", "NA", "null") for item in range(3)]
    file = tmp_path / "a.csv"
    file.write_text("\n".join(["user,item,rating", *lines]))
    assert len({*read_ratings(TableReference(table=str(file))).users.tolist()}) == 4


def test_dates_are_times(tmp_path: Path) -> None:
    frame = made_up_ratings(50)
    times = pandas.to_datetime(frame["timestamp"], unit="s")
    with_zone = times.dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    columns: tuple[pandas.Series[Any], ...] = (times, with_zone)
    for name, column in product(("a.parquet", "a.csv"), columns):
        table = written(frame.assign(timestamp=column), tmp_path / name)
        read = read_ratings(TableReference(table=table, timestamp="timestamp"))
        assert read.timestamps is not None
        assert read.timestamps.tolist() == (frame["timestamp"] * 10**6).tolist()


@pytest.mark.parametrize("name", ["a.parquet", "a.csv.gz"])
def test_a_table_in_an_object_store(name: str, tmp_path: Path) -> None:
    table = written(made_up_ratings(100), tmp_path / name)
    with object_store() as served, served.found():
        client = boto3.client("s3")
        client.upload_file(table, "bucket", f"tables of mine/{name}")
        client.close()
        read = read_ratings(TableReference(table=f"s3://bucket/tables of mine/{name}"))
        here = read_ratings(TableReference(table=table))
        assert read.fingerprint == here.fingerprint
        with pytest.raises(TableError, match=r"there is no file s3://bucket/none.csv; name yours"):
            read_ratings(TableReference(table="s3://bucket/none.csv"))


def changed(**columns: Any) -> pandas.DataFrame:
    """Fifty ratings, of which some columns are replaced, or have other values in some rows."""
    frame = made_up_ratings(50).astype(object)
    for name, values in columns.items():
        for row, value in values.items():
            frame.loc[row, name] = value
    return frame


BAD: list[tuple[pandas.DataFrame, dict[str, str], str]] = [
    (
        made_up_ratings(50).rename(columns={"rating": "stars"}),
        {},
        r"must have a column rating \(rating\); it has 4 columns: user, item, stars, timestamp; "
        "name yours with --set task.rating=COLUMN",
    ),
    (made_up_ratings(50), {"item": "user"}, "must have a column for each of user, item, rating"),
    (changed(rating={3: None, 7: None}), {}, "of 50 ratings, 2 are missing a rating in rating; l"),
    (
        changed(rating={3: "good", 8: "bad"}),
        {},
        r"of 50 ratings, 2 have a rating that is no number \('good'\) in rating",
    ),
    (changed(rating={3: "inf"}), {}, "of 50 ratings, 1 have a rating that is not finite in rating"),
    (
        changed(rating={3: "1e10", 9: "-1e300", 11: "1e9"}),
        {},
        "of 50 ratings, 2 have a rating beyond 1e.09, up or down in rating",
    ),
    (changed(rating={3: "nan"}), {}, "of 50 ratings, 1 have a rating that is not finite in rating"),
    (
        changed(rating={3: None}, user={4: None, 5: None}, item={9: None}),
        {},
        "of 50 ratings, 2 have no id in user; 1 have no id in item; 1 are missing a rating in rat",
    ),
    (
        changed(timestamp={3: None}),
        {"timestamp": "timestamp"},
        "of 50 ratings, 1 are missing a time in timestamp",
    ),
    (
        changed(timestamp={3: "soon"}),
        {"timestamp": "timestamp"},
        r"of 50 ratings, 1 have a time that is neither a number nor a date \('soon'\) in timest",
    ),
    (
        changed(timestamp={3: "2024-05-01", 4: "2024-05-02 12:00:00"}),
        {"timestamp": "timestamp"},
        "of 50 ratings, 2 have a date where others have a number in timestamp",
    ),
    (
        changed(user={3: "x", 4: "x"}, item={3: 1, 4: 1}),
        {},
        r"1 of 50 ratings are of a pair that was rated before \(user x, item 1\); keep one of each",
    ),
]


@pytest.mark.parametrize("bad", range(len(BAD)))
def test_what_can_t_be_learned_from_is_refused_with_counts(bad: int, tmp_path: Path) -> None:
    frame, names, message = BAD[bad]
    table = written(frame, tmp_path / "a.csv")
    with pytest.raises(TableError, match=message):
        read_ratings(TableReference(table=table, **names))


def test_the_same_of_parquet(tmp_path: Path) -> None:
    frame = made_up_ratings(50)
    cases: list[tuple[dict[str, Any], str]] = [
        ({"rating": frame["user"]}, r"50 have a rating that is no number \('u"),
        ({"rating": frame["rating"] > 2}, r"50 have a rating that is no number \('"),
        ({"rating": frame["rating"].where(frame.index > 2)}, "3 are missing a rating"),
        ({"rating": frame["rating"].where(frame.index > 2, numpy.inf)}, "3 have .* not finite"),
        ({"user": frame["user"].where(frame.index > 2)}, "3 have no id in user"),
        ({"user": [None] * 50}, "50 have no id in user"),
        ({"rating": [None] * 50}, "50 are missing a rating in rating"),
        (
            {"user": [[1]] * 50},
            r"must have ids that are numbers, texts or dates; got list.* \(user",
        ),
    ]
    for change, message in cases:
        table = written(frame.assign(**change), tmp_path / "a.parquet")
        with pytest.raises(TableError, match=message):
            read_ratings(TableReference(table=table))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.csv", None, "there is no file .*none.csv; name yours with --set"),
        ("ratings.xlsx", b"", "must be Parquet, CSV or TSV, and its name end in .parquet, .csv"),
        ("a.parquet.gz", b"", "must be Parquet, CSV or TSV"),
        ("a.csv", b"", "can't be read; got .*a.csv"),
        ("a.parquet", b"user,item,rating\n1,2,3\n", "can't be read; got .*a.parquet"),
        ("a.csv", b"user,item,rating\n1,2,3\n1,2\n", "can't be read; got .* Expected 3 columns"),
        ("a.csv.gz", b"user,item,rating\n1,2,3\n", "can't be read; got .*a.csv.gz"),
        ("a.csv", b"user,item,rating,rating\n1,2,3,4\n", "must have one column rating"),
    ],
)
def test_files_that_are_no_tables(
    name: str, content: bytes | None, message: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(TableError, match=message):
        read_ratings(TableReference(table=str(tmp_path / name)))


def test_names_that_are_no_tables(tmp_path: Path) -> None:
    for table, message in [
        ("", "must be the path or the URI of a table; got an empty name"),
        (
            "s3://key:secret@bucket/a.csv",
            r"must hold no credentials and no options; got s3://\*\*\*; give them",
        ),
        ("s3://bucket/a.csv?secret_key=b", r"must hold no credentials and no options; got s3://\*"),
        ("nowhere://a.csv", "can't be reached; got nowhere://a.csv"),
        (f"{tmp_path}/folder.csv", "can't be read; got .*folder.csv"),
    ]:
        (tmp_path / "folder.csv").mkdir(exist_ok=True)
        with pytest.raises(TableError, match=message):
            read_ratings(TableReference(table=table))


def read(frame: pandas.DataFrame, tmp_path: Path, **names: str) -> RatingTable:
    table = written(frame, tmp_path / "ratings.parquet")
    return read_ratings(TableReference(table=table, **names))


def expect_split(split: SplitRatings, frame: pandas.DataFrame) -> None:
    """The split holds the ratings of `frame`, which is in its order, by the rows of embeddings."""
    training = frame[: split.sizes.training]
    for rows, count, column in (
        (split.users, split.user_count, "user"),
        (split.items, split.item_count, "item"),
    ):
        known = pandas.unique(training[column])
        assert count == len(known)
        assert (
            rows.tolist()
            == (1 + pandas.Index(known).get_indexer(pandas.Index(frame[column]))).tolist()
        )
        assert rows[: split.sizes.training].min() == 1
    assert split.ratings.tolist() == frame["rating"].tolist()


@pytest.mark.parametrize("split_seed", [0, 5])
def test_a_random_split(split_seed: int, tmp_path: Path) -> None:
    frame = made_up_ratings(333, users=100)
    split = split_ratings(read(frame, tmp_path), split_seed=split_seed, chunk=8)
    sizes = split.sizes
    assert (sizes.valid, sizes.test, sizes.chunk) == (30, 33, 6)
    drawn = torch.randperm(333, generator=torch.Generator().manual_seed(split_seed)).tolist()
    parts = drawn[: sizes.training], drawn[sizes.training : -sizes.test], drawn[-sizes.test :]
    expect_split(split, frame.iloc[[place for part in parts for place in sorted(part)]])
    assert (split.users == 0).any() or (split.items == 0).any()


def test_a_split_by_time(tmp_path: Path) -> None:
    frame = made_up_ratings(200)
    frame["timestamp"] //= 10  # some at the same time
    table = read(frame, tmp_path, timestamp="timestamp")
    split = split_ratings(table, split_seed=None, chunk=1024)
    expect_split(split, frame.sort_values("timestamp", kind="stable"))


@given(ratings=st.integers(20, 10**7), chunk=st.integers(1, 2000))
def test_sizes_of_a_split(ratings: int, chunk: int) -> None:
    sizes = SplitSizes.of(ratings, chunk=chunk)
    assert sizes.training + sizes.valid + sizes.test == ratings
    assert sizes.test == ratings // 10
    assert sizes.valid % sizes.chunk == 0
    assert 1 <= sizes.chunk <= chunk
    chunks = sizes.valid // sizes.chunk
    assert sizes.test - chunks < sizes.valid <= sizes.test


def test_too_few_ratings_or_all_alike(tmp_path: Path) -> None:
    few = read(made_up_ratings(19), tmp_path)
    with pytest.raises(TableError, match=r"must hold at least 20 ratings, .*; got 19"):
        split_ratings(few, split_seed=0, chunk=8)
    alike = read(made_up_ratings(100).assign(rating=3.5), tmp_path)
    with pytest.raises(TableError, match=r"that differ; the 10 that are held out .* are all 3.5"):
        split_ratings(alike, split_seed=0, chunk=1024)
