"""A user's own ratings: read from a table, checked, and split into those to train and judge on."""

from .ranked_users import RankedUsers, UserItems
from .rating_file import (
    COMPRESSED,
    DELIMITERS,
    TableError,
    TableReference,
    absolute,
    arrow_uri,
    table_format,
)
from .rating_split import SplitRatings, SplitSizes, split_ratings
from .rating_table import RatingTable, read_ratings

__all__ = [
    "COMPRESSED",
    "DELIMITERS",
    "RankedUsers",
    "RatingTable",
    "SplitRatings",
    "SplitSizes",
    "TableError",
    "TableReference",
    "UserItems",
    "absolute",
    "arrow_uri",
    "read_ratings",
    "split_ratings",
    "table_format",
]
