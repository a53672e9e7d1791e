"""Tables of ratings for the tests."""

from pathlib import Path
from typing import Any

import numpy
import pandas


def made_up_ratings(
    count: int, *, users: int = 40, items: int = 30, seed: int = 0
) -> pandas.DataFrame:
    """Ratings of different pairs, unevenly popular, with texts as ids of users and times."""
    generator = numpy.random.default_rng(seed)
    weights = 1 / numpy.arange(1, users * items + 1) ** 0.5
    pairs = generator.choice(users * items, size=count, replace=False, p=weights / weights.sum())
    return pandas.DataFrame(
        {
            "user": [f"u{pair % users}" for pair in pairs],
            "item": pairs // users * 7 + 100,
            "rating": generator.integers(1, 11, count) / 2,
            "timestamp": generator.integers(10**9, 10**9 + count, count),
        }
    )


def written(frame: pandas.DataFrame, file: Path, **options: Any) -> str:
    """Write a table in the format that the file's name says; return its path."""
    if ".parquet" in file.name:
        frame.to_parquet(file, **options)
    else:
        separator = "\t" if ".tsv" in file.name else ","
        frame.to_csv(file, index=False, sep=separator, **options)
    return str(file)
