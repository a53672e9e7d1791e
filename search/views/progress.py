"""A running search in the terminal: a live table of its studies, or plain lines in a log."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rich.cells import cell_len
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ..planning.search_plan import SearchPlan
from ..planning.standing import Standing, StudyStanding
from ..text.plain_text import say
from ..text.short_number import short_number
from ..text.study_label import study_label
from .guard import View

PLAIN_SECONDS = 10.0
"""A plain line at most so often."""
REFRESH_SECONDS = 0.25
"""The live table at most so often."""
SPARKLINE_WIDTH = 12
_BLOCKS, _ASCII_BLOCKS = "▁▂▃▄▅▆▇█", "_.-=+*%#"
_LONGEST_NAME = 22
_LINES_AROUND = 5
"""Of the screen, beside the studies: headings, the totals, the prompt's line and one to spare."""
_URGENCY = {"confirming": 0, "searching": 1, "failed": 2, "done": 3, "waiting": 4}
_STYLES = {"done": "green", "failed": "red", "waiting": "dim", "confirming": "cyan"}


class ProgressView(View):
    """Shows a search while Tune runs it: trials, best nmse so far, throughput, time left."""

    def __init__(self, plan: SearchPlan, console: Console, heading: Sequence[str] = ()) -> None:
        """Watch `plan`; write to `console`, the lines of `heading` first."""
        self._plan, self._console, self._heading = plan, console, heading
        self._standing = Standing(plan)
        self._shown_at = time.monotonic()
        self._announced = {name for name, study in plan.studies.items() if study.finished}
        self._live: Live | None = None

    def __enter__(self) -> "ProgressView":
        """Start the live table on a terminal."""
        for line in self._heading:
            say(self._console, line)
        if self._console.is_terminal:
            self._live = Live(console=self._console, auto_refresh=False, transient=True)
            self._live.start()
            self._refresh()
        return self

    def __exit__(self, *error: object) -> None:
        """Take the live table away; in a log, say how it stands at the end."""
        if self._live is not None:
            self._live.stop()
            return
        self._standing.update()
        self._announce()
        self._print_line()

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        """Called by Tune after every turn of its loop."""
        every = PLAIN_SECONDS if self._live is None else REFRESH_SECONDS
        if time.monotonic() - self._shown_at < every:
            return
        self._shown_at = time.monotonic()
        self._standing.update()
        if self._live is not None:
            self._refresh()
        else:
            self._announce()
            self._print_line()

    def _refresh(self) -> None:
        assert self._live is not None
        options = self._console.options
        self._live.update(
            screen(
                self._standing,
                width=self._console.width,
                height=self._console.height,
                ascii_only=options.ascii_only,
            ),
            refresh=True,
        )

    def _print_line(self) -> None:
        say(self._console, plain_line(self._standing))

    def _announce(self) -> None:
        """Say once of each study that it has finished."""
        for name, study in self._plan.studies.items():
            if name in self._announced or not study.finished:
                continue
            self._announced.add(name)
            best = short_number(self._standing.studies[name].best)
            text = f"{study_label(name)} done: best nmse {best} of {study.trials_ended} trials"
            say(self._console, text)


def plain_line(standing: Standing) -> str:
    """The whole search in one line, for a log."""
    statuses = standing.statuses
    parts = [f"{standing.ended}/{standing.plan.trials} trials"]
    parts += [f"{statuses[status]} {status}" for status in ("pruned", "diverged")]
    found = [study for study in standing.studies.values() if study.best is not None]
    if found:
        study = min(found, key=lambda each: each.best_nmse[-1])
        parts.append(f"best nmse {short_number(study.best)} ({study_label(study.name)})")
    return " · ".join([*parts, *_pace(standing)])


def screen(standing: Standing, *, width: int, height: int, ascii_only: bool) -> Group:
    """The live view: a line for each study, as many as fit `height` lines, and the totals.

    Numbers are never cut: where `width` columns are too few, the picture goes first, then the
    counts of pruned and diverged trials, then what a study is at.
    """
    plan = standing.plan
    totals = " · ".join([f"{standing.ended}/{plan.trials} trials", *_pace(standing)])
    wrapped = cell_len(f"{totals} · {len(plan.studies)} more studies") // width
    names = _most_urgent(standing, room=max(height - _LINES_AROUND - wrapped, 1))
    longest = min(max(cell_len(study_label(name)) for name in names), _LONGEST_NAME)
    columns = [
        _Column("best nmse", [short_number(standing.studies[name].best) for name in names], "bold"),
        _Column(
            "so far", [_sparkline_of(standing.studies[name], ascii_only) for name in names], "cyan"
        ),
        _Column("trials", [_trials_of(standing.studies[name]) for name in names]),
        _Column("pruned", [str(standing.studies[name].statuses["pruned"]) for name in names]),
        _Column("diverged", [str(standing.studies[name].statuses["diverged"]) for name in names]),
        _Column("", [standing.phase(plan.studies[name]) for name in names]),
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
        return Text(text, style=self.style or _STYLES.get(text, ""))


def _trials_of(study: StudyStanding) -> str:
    return f"{study.ended}/{study.trials}"


def sparkline(values: Sequence[float], width: int, *, ascii_only: bool = False) -> str:
    """Draw positive values, by their logarithms, in at most `width` characters.

    Each character is the last value of its share of them; infinite values at the beginning
    are left blank.

    >>> sparkline([math.inf, 1.0, 0.1, 0.01], 4)
    ' █▅▁'
    """
    count = min(width, len(values))
    picked = [values[(index + 1) * len(values) // count - 1] for index in range(count)]
    levels = [math.log10(max(value, 1e-300)) for value in picked if math.isfinite(value)]
    if not levels:
        return " " * count
    low, high = min(levels), max(levels)
    blocks = _ASCII_BLOCKS if ascii_only else _BLOCKS
    scale = (len(blocks) - 1) / (high - low) if high > low else 0.0
    drawn = "".join(blocks[round((level - low) * scale)] for level in levels)
    return drawn.rjust(count)


def _sparkline_of(study: StudyStanding, ascii_only: bool) -> str:
    width = math.ceil(SPARKLINE_WIDTH * study.ended / study.trials)
    return sparkline(study.best_nmse, width, ascii_only=ascii_only) if width else ""


def _most_urgent(standing: Standing, room: int) -> list[str]:
    """The studies to show, in the spec's order: those at work before the others."""
    studies = standing.plan.studies
    ranked = sorted(studies, key=lambda name: _URGENCY[standing.phase(studies[name])])
    chosen = set(ranked[:room])
    return [name for name in studies if name in chosen]


def _pace(standing: Standing) -> list[str]:
    """Throughput and the time left, once there is something to tell from."""
    left = standing.seconds_left
    if left is None:
        return ["starting"]
    if left == 0:
        clock = f"{_clock(standing.seconds)} in all"
    elif standing.ended == standing.plan.trials:
        clock = f"{_clock(left)} left (confirming)"
    else:
        clock = f"{_clock(left)} left"
    samples = standing.samples_per_second / 1e6
    return [f"{standing.trials_per_second:.1f} trials/s", f"{samples:.1f} M samples/s", clock]


def _clock(seconds: float) -> str:
    """Minutes and seconds, or hours and minutes.

    >>> _clock(75), _clock(7380)
    ('1:15', '2 h 03 min')
    """
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}:{rest:02d}"
    return f"{minutes // 60} h {minutes % 60:02d} min"
