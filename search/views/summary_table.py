"""The table of achievable loss: a summary as people read it."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from rich.console import Console
from rich.table import Table

from results.exact_nmse import EXACT_NMSE
from spaces import Spec
from spaces.vocabulary import FIELDS, HYPERPARAMETERS

from ..saved_search.overview import Overview
from ..text.network_text import network_text
from ..text.number_notation import NumberText, decimals, nmse_notation
from ..text.plain_text import say, say_table
from ..text.study_label import study_label
from ..text.value_texts import value_texts
from .columns import Column, table_of

NMSE = (
    f"nmse: loss / variance of the labels (1: the mean predictor, exact: at most {EXACT_NMSE:.0e})"
)
CONFIRMED = "the median of the confirm replicates and their range"
NETWORK = "network: hidden layers x units"
TESTED = {"rmse": "rmse", "recall_at_10": "recall\n@10", "ndcg_at_10": "ndcg\n@10"}
"""What is known on the test ratings of a table, and nowhere else, with its headings."""
_OF_THE_NETWORK = ("depth", "width", "layer_sizes")
_NUMBERS = ("nmse", "nmse_min", "nmse_max", "nmse_search", "nmse_longer", "constructed_nmse")
Rows = Sequence[Mapping[str, Any]]
"""Rows of `SUMMARY`."""


def say_summary(console: Console, found: Overview) -> None:
    """Print the search's folder and its table."""
    say(console, found.uri)
    say_table(console, summary_table(found))


def summary_table(found: Overview) -> Table:
    """One line per study: the confirmed nmse, the configuration that reached it, the trials.

    The trials are counted by status; the time is that of all the study's packs.
    """
    rows = found.summary.to_pylist()
    caption = "; ".join(_caption(found, rows)) + "."
    return table_of([*_columns(found, rows)], caption=caption, bold="nmse")


def chosen_columns(spec: Spec, rows: Rows) -> Iterator[Column]:
    """What the space has chosen in each row, beside the network's layers."""
    for name in HYPERPARAMETERS:
        if name in spec.space and name not in _OF_THE_NETWORK:
            heading = FIELDS[name].label or name.replace("_", "\n")
            yield heading, value_texts([row[name] for row in rows])


def tested_columns(rows: Rows) -> Iterator[Column]:
    """What the test ratings of a table say, where there is one."""
    for name, heading in TESTED.items():
        values = [row[name] for row in rows]
        if any(value is not None for value in values):
            # Models of ratings lie close together, as nobody can foretell their noise.
            yield heading, ["-" if each is None else decimals(each, digits=3) for each in values]


def tested_words(rows: Rows) -> list[str]:
    """What these columns are, where there is one."""
    names = [heading.replace("\n", "") for heading, _ in tested_columns(rows)]
    return [f"{', '.join(names)}: on the test ratings (docs/embeddings.md)"] if names else []


def nmse_columns(rows: Rows, number: NumberText) -> Iterator[Column]:
    """The confirmed nmse, else that of the search with a star, and the range."""
    yield "nmse", [_nmse(row, number) for row in rows]
    for heading, name in (("min", "nmse_min"), ("max", "nmse_max")):
        yield heading, [_bound(row, row[name], number) for row in rows]


def nmse_number(rows: Rows) -> NumberText:
    """One notation for every nmse of these rows."""
    return nmse_notation(chain.from_iterable((row[name] for name in _NUMBERS) for row in rows))


def not_confirmed(rows: Rows) -> list[str]:
    """What the star stands for, where there is one."""
    starred = any(_nmse(row, nmse_number(rows)).endswith("*") for row in rows)
    return ["*: the search's own minimum, not confirmed"] if starred else []


def _columns(found: Overview, rows: Rows) -> Iterator[Column]:
    number = nmse_number(rows)
    yield "study", [study_label(row["study"]) for row in rows]
    yield from nmse_columns(rows, number)
    if any(row["nmse_low"] is not None for row in rows):
        yield "over\nseeds", [_over_seeds(row, number) for row in rows]
    if any(row["steps_longer"] for row in rows):
        yield "longer", [number(row["nmse_longer"]) for row in rows]
    if any(row["constructed_nmse"] is not None for row in rows):
        yield "by\nhand", [number(row["constructed_nmse"]) for row in rows]
    yield from tested_columns(rows)
    yield "network", [network_text(row["layer_sizes"]) for row in rows]
    yield from chosen_columns(found.spec, rows)
    counts = ("completed", "pruned", "diverged")
    yield "done/\npruned/\ndiverged", ["/".join(str(row[each]) for each in counts) for row in rows]
    yield "time", [f"{row['train_seconds']:.1f} s" for row in rows]
    if found.missing:
        yield "missing", [found.missing.get(row["study"], "-") for row in rows]


def _over_seeds(row: Mapping[str, Any], number: NumberText) -> str:
    if row["nmse_low"] is None:
        return number(None)
    return f"{number(row['nmse_low'])} to {number(row['nmse_high'])}"


def _nmse(row: Mapping[str, Any], number: NumberText) -> str:
    if row["nmse"] is not None or row["nmse_search"] is None:
        return number(row["nmse"])
    return "diverged" if row["diverged_replicates"] else f"{number(row['nmse_search'])}*"


def _bound(row: Mapping[str, Any], value: float | None, number: NumberText) -> str:
    return "diverged" if value is None and row["diverged_replicates"] else number(value)


def _caption(found: Overview, rows: Rows) -> Iterator[str]:
    yield f"{NMSE}, {CONFIRMED}"
    yield from not_confirmed(rows)
    if any(row["nmse_low"] is not None for row in rows):
        yield "over seeds: the 95% interval of what such a search reaches"
    if found.spec.confirm is not None and any(row["steps_longer"] for row in rows):
        factor = max(found.spec.confirm.steps_factors)
        yield f"longer: the median after {factor} times as many steps"
    if any(row["constructed_nmse"] is not None for row in rows):
        yield "by hand: with weights set by hand in a network of that size (docs/constructions.md)"
    yield from tested_words(rows)
    yield NETWORK
