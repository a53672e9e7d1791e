"""The live view of a running search: a table of its studies that fits the screen."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from rich.cells import cell_len
from rich.console import Group
from rich.table import Table
from rich.text import Text

from ..planning.standing import Standing
from ..text.number_notation import NumberText, nmse_notation
from ..text.sparkline import sparkline
from ..text.study_label import study_label
from .pace import ended_text, pace

SPARKLINE_WIDTH = 12
_LONGEST_NAME = 22
_LINES_AROUND = 5
"""Of the screen, beside the studies: headings, the totals, the prompt's line and one to spare."""
_URGENCY = {"confirming": 0, "searching": 1, "failed": 2, "done": 3, "waiting": 4}
_STYLES = {
    "done": "green",
    "confirmed": "green",
    "failed": "red",
    "diverged": "red",
    "waiting": "dim",
    "confirming": "cyan",
}
"""Of a cell, by its first word."""


def screen(standing: Standing, *, width: int, height: int, ascii_only: bool) -> Group:
    """The live view: a line for each study, as many as fit `height` lines, and the totals.

    Numbers are never cut: where `width` columns are too few, the picture goes first, then the
    counts of pruned and diverged trials, then what a study is at.
    """
    plan = standing.plan
    ended = f"{ended_text(standing.ended, plan.trials)} trials"
    totals = " · ".join([ended, *pace(standing)])
    wrapped = cell_len(f"{totals} · {len(plan.studies)} more studies") // width
    names = _most_urgent(standing, room=max(height - _LINES_AROUND - wrapped, 1))
    longest = min(max(cell_len(study_label(name)) for name in names), _LONGEST_NAME)
    shown = [standing.studies[name] for name in names]
    number = nmse_notation(value for each in shown for value in (each.best, *each.confirmed))
    columns = [
        _Column("best nmse", [number(study.best) for study in shown], "bold"),
        _Column("so far", [_sparkline_of(standing, name, ascii_only) for name in names], "cyan"),
        _Column("trials", [_trials_of(standing, name) for name in names]),
        _Column("pruned", [str(standing.studies[name].statuses["pruned"]) for name in names]),
        _Column("diverged", [str(standing.studies[name].statuses["diverged"]) for name in names]),
        _Column("", [_phase(standing, name, number) for name in names]),
    ]
    for dispensable in ("so far", "pruned", "diverged", ""):
        room = width - sum(column.width + 1 for column in columns)
        if room >= longest:
            break
        columns = [column for column in columns if column.heading != dispensable]
    room = width - sum(column.width + 1 for column in columns)
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim")
    table.add_column(
        "study", no_wrap=True, overflow="ellipsis", max_width=max(min(room, longest), 5)
    )
    for column in columns:
        side: Literal["left", "right"] = "left" if column.heading in ("", "so far") else "right"
        table.add_column(column.heading, justify=side, no_wrap=True, min_width=column.width)
    for index, name in enumerate(names):
        table.add_row(Text(study_label(name)), *(column.cell(index) for column in columns))
    summed = Text(totals)
    hidden = len(plan.studies) - len(names)
    if hidden:
        summed.append(f" · {hidden} more studies", style="dim")
    return Group(table, summed)


@dataclass(frozen=True)
class _Column:
    heading: str
    texts: Sequence[str]
    style: str = ""

    @property
    def width(self) -> int:
        """In characters of the terminal."""
        least = SPARKLINE_WIDTH if self.heading == "so far" else 0
        return max(least, *(cell_len(text) for text in (self.heading, *self.texts)))

    def cell(self, index: int) -> Text:
        text = self.texts[index]
        return Text(text, style=self.style or _STYLES.get(text.partition(" ")[0], ""))


def _phase(standing: Standing, name: str, number: NumberText) -> str:
    """What a study is at; of one that is done, its confirmed nmse."""
    phase, confirmed = standing.phase(standing.plan.studies[name]), standing.studies[name].confirmed
    if phase != "done" or not confirmed:
        return phase
    middle = median(confirmed)
    return f"confirmed {number(middle)}" if math.isfinite(middle) else "diverged"


def _trials_of(standing: Standing, name: str) -> str:
    return ended_text(standing.studies[name].ended, standing.plan.studies[name].trials)


def _sparkline_of(standing: Standing, name: str, ascii_only: bool) -> str:
    """The best so far: as wide as the study is far, where its end is known."""
    study, trials = standing.studies[name], standing.plan.studies[name].trials
    if not study.ended:
        return ""
    width = math.ceil(SPARKLINE_WIDTH * study.ended / (trials or study.ended))
    return sparkline(study.best_nmse, width, ascii_only=ascii_only)


def _most_urgent(standing: Standing, room: int) -> list[str]:
    """The studies to show, in the spec's order: those at work before the others."""
    studies = standing.plan.studies
    ranked = sorted(studies, key=lambda name: _URGENCY[standing.phase(studies[name])])
    chosen = set(ranked[:room])
    return [name for name in studies if name in chosen]
