"""Searches side by side, as people read them."""

from collections.abc import Sequence
from string import ascii_uppercase

from rich.console import Console
from rich.table import Table

from ..saved_search.comparison import ComparedStudy, Comparison, side_by_side
from ..saved_search.overview import Overview
from ..text.network_text import network_text
from ..text.number_notation import one_notation
from ..text.plain_text import say, say_table
from ..text.study_label import study_label
from .columns import Column, table_of
from .summary_table import (
    CONFIRMED,
    NETWORK,
    NMSE,
    nmse_columns,
    nmse_number,
    not_confirmed,
    tested_columns,
    tested_words,
)

_OUTCOMES = (
    "lower, higher: the ranges are apart, more than the noise of training one network again; "
    "what another seed of the search would find, only intervals over several say (a grid of seeds)"
)


def say_comparison(
    console: Console, first: Overview, others: Sequence[Overview], comparisons: Sequence[Comparison]
) -> None:
    """Print which search has which letter, how each differs, the table, and what is not in it."""
    say(console, f"A  {first.uri}")
    for place, (other, comparison) in enumerate(zip(others, comparisons, strict=True), start=1):
        say(console, f"{letter(place)}  {other.uri}")
        for line in comparison.differences or ["the same spec, as far as it changes rows"]:
            say(console, f"   {line}")
    say_table(console, comparison_table(comparisons))
    for place, comparison in enumerate(comparisons, start=1):
        _say_alone(console, comparison.only_first, f"in A, not in {letter(place)}")
        _say_alone(console, comparison.only_other, f"in {letter(place)}, not in A")


def _say_alone(console: Console, studies: Sequence[str], where: str) -> None:
    if studies:
        say(console, f"{where}: {'; '.join(map(study_label, studies))}")


def comparison_table(comparisons: Sequence[Comparison]) -> Table:
    """For each study a line of the first search, A, and one of each other that has it."""
    lines = side_by_side(comparisons)
    rows = [line.row for line in lines]
    columns: list[Column] = [
        ("study", [study_label(line.study) if line.search == 0 else "" for line in lines]),
        ("search", [letter(line.search) for line in lines]),
        *nmse_columns(rows, nmse_number(rows)),
        *tested_columns(rows),
        ("network", [network_text(row["layer_sizes"]) for row in rows]),
        ("against A", [_against(line.compared) if line.compared else "" for line in lines]),
    ]
    said = [f"{NMSE}, {CONFIRMED}", *not_confirmed(rows), *tested_words(rows), NETWORK, _OUTCOMES]
    caption = "; ".join(said)
    return table_of(columns, caption=f"{caption}.", bold="nmse")


def _against(study: ComparedStudy) -> str:
    if study.ratio is None:
        return study.outcome
    return f"{one_notation([study.ratio])(study.ratio)} x, {study.outcome}"


def letter(search: int) -> str:
    """What stands for a search in the table; after Z come numbers.

    >>> letter(0), letter(1), letter(26)
    ('A', 'B', '27')
    """
    return ascii_uppercase[search] if search < len(ascii_uppercase) else str(search + 1)
