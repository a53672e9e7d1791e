"""A table of columns as the terminal shows it: names on the left, numbers on the right."""

from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

Column = tuple[str, Sequence[str | Text]]
"""A heading, and the cell of each row."""


def table_of(columns: Sequence[Column], *, caption: str, bold: str = "") -> Table:
    """A table, its first column left-justified; the column headed `bold` is set in bold."""
    table = Table(box=box.SIMPLE_HEAD, padding=0, caption=caption, caption_justify="left")
    for place, (heading, _) in enumerate(columns):
        table.add_column(
            Text(heading),
            justify="right" if place else "left",
            style="bold" if heading == bold else None,
            no_wrap=True,
        )
    for texts in zip(*(_aligned(cells) for _, cells in columns), strict=True):
        table.add_row(*texts)
    return table


def _aligned(cells: Sequence[str | Text]) -> list[Text]:
    """Where some end with a star, the others' last digits stand above its neighbour."""
    texts = [cell if isinstance(cell, Text) else Text(cell) for cell in cells]
    starred = any(text.plain.endswith("*") for text in texts)
    return [text + " " if starred and not text.plain.endswith("*") else text for text in texts]
