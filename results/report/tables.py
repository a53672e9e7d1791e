"""HTML of tables and texts, everything from outside escaped."""

import html
import re
from collections.abc import Sequence


def escaped(text: object) -> str:
    """A text as HTML."""
    return html.escape(str(text))


def prose(text: str) -> str:
    """A sentence as HTML: no line ends within a number.

    >>> prose("6e-05 < 1")
    '<span class=power>6e-05</span> &lt; 1'
    """
    return re.sub(r"\d[\d.]*e-\d+", r"<span class=power>\g<0></span>", escaped(text))


def table(
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    numbers: Sequence[int] = (),
    caption: str = "",
) -> str:
    """A table of texts, in a box that scrolls where the page is narrow.

    Args:
        headings: Of the columns; the first cell of a row is its own heading.
        rows: The cells.
        numbers: The columns that stand to the right.
        caption: What a screen reader says first.
    """
    head = "".join(
        f"<th scope=col{_aligned(index, numbers)}>{escaped(heading)}</th>"
        for index, heading in enumerate(headings)
    )
    body = "\n".join(f"<tr>{_cells(row, numbers)}</tr>" for row in rows)
    return (
        f"<div class=table tabindex=0><table><caption>{escaped(caption)}</caption>"
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>"
    )


def command(text: str) -> str:
    """A command to be copied."""
    return (
        f"<span class=command><code>{escaped(text)}</code>"
        "<button type=button class=copy>copy</button></span>"
    )


def folded(summary: str, content: str) -> str:
    """Content that is shown on demand."""
    return f"<details><summary>{escaped(summary)}</summary>\n{content}\n</details>"


def _cells(row: Sequence[str], numbers: Sequence[int]) -> str:
    first, *others = row
    cells = "".join(
        f"<td{_aligned(index, numbers)}>{escaped(cell)}</td>"
        for index, cell in enumerate(others, start=1)
    )
    return f"<th scope=row>{escaped(first)}</th>{cells}"


def _aligned(index: int, numbers: Sequence[int]) -> str:
    return " class=number" if index in numbers else ""
