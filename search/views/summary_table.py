"""The table of achievable loss: a summary as people read it."""

from collections.abc import Mapping
from typing import Any

import pyarrow
from rich import box
from rich.table import Table
from rich.text import Text

from ..text.short_number import short_number
from ..text.study_label import study_label

CAPTION = (
    "nmse: loss / variance of the labels (1: the mean predictor, 0: exact), the median of the "
    "confirm replicates and their range; * the search's own minimum, not confirmed; by hand: of a "
    "network of the same size whose weights are set by hand (docs/constructions.md)."
)
HEADINGS = (
    "nmse",
    "min",
    "max",
    "by\nhand",
    "depth",
    "width",
    "learning\nrate",
    "done/\npruned/\ndiverged",
    "time",
)


def summary_table(summary: pyarrow.Table) -> Table:
    """One line per study: the confirmed nmse, the configuration that reached it, the trials.

    The trials are counted by status; the time is that of all the study's packs.
    """
    table = Table(
        caption=CAPTION,
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        padding=0,
    )
    table.add_column("study", no_wrap=True)
    for heading in HEADINGS:
        style = "bold" if heading == "nmse" else None
        table.add_column(heading, justify="right", style=style, no_wrap=True)
    for row in summary.to_pylist():
        table.add_row(*map(Text, _cells(row)))
    return table


def _cells(row: Mapping[str, Any]) -> list[str]:
    if row["nmse"] is not None:
        nmse = short_number(row["nmse"])
    else:
        nmse = short_number(row["nmse_search"]) + ("*" if row["nmse_search"] is not None else "")
    return [
        study_label(row["study"]),
        nmse,
        short_number(row["nmse_min"]),
        short_number(row["nmse_max"]),
        short_number(row["constructed_nmse"]),
        short_number(row["depth"]),
        "-" if row["depth"] == 0 else short_number(row["width"]),
        short_number(row["learning_rate"]),
        f"{row['completed']}/{row['pruned']}/{row['diverged']}",
        f"{row['train_seconds']:.1f} s",
    ]
