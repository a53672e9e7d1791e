"""Text of others as it is: paths, names and reasons may look like a formatter's marks."""

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

_NO_LIMIT = 10_000


def say(console: Console, text: str, *, style: str = "") -> None:
    """Print a line, in one style or none: brackets stay, and nothing is cut or wrapped."""
    line = Text(text, style=style)
    console.print(line, soft_wrap=True, highlight=False, markup=False, emoji=False)


def say_note(console: Console, text: str) -> None:
    """Print what the user may want to know, and nothing has gone wrong."""
    say(console, f"note: {text}", style="yellow")


def say_table(console: Console, table: Table) -> None:
    """Print a table as wide as its contents are, also where a terminal is narrower.

    (rich would cut numbers to fit the terminal, or to fit 80 columns where there is none.)
    """
    width = console.width
    options = console.options.update(max_width=_NO_LIMIT)
    console.width = max(
        width if console.is_terminal else 0, Measurement.get(console, options, table).maximum
    )
    try:
        console.print(table, crop=False, markup=False, emoji=False, highlight=False)
    finally:
        console.width = width
