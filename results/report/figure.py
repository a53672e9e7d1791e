"""What all figures share: panels in Plotly's JSON, their losses, their colours, their legends.

A colour is the name of a variable of style.css, which has one for each theme; page.js puts in what
it stands for, and what all panels have in common.
"""

import html
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..exact_nmse import EXACT_NMSE
from ..rows import TrialRow

Json = dict[str, Any]

INK, MUTED = "var(--ink)", "var(--muted)"
BY_HAND, WINNER, LONGER = "var(--by-hand)", "var(--winner)", "var(--longer)"
WARNING, EXACT_STRIP = "var(--warning)", "var(--exact-strip)"
LEVELS = [f"var(--level-{index})" for index in range(6)]
"""For what has an order: depth, width."""
SERIES = [f"var(--series-{index})" for index in range(6)]
"""For what has none; people who see few colours tell them apart, by their symbols too."""
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "triangle-down", "hexagon")

HIGHEST = 10.0
"""Losses above are drawn here: ten times as bad as the mean predictor, or worse."""
_FINE_DECADES = 2.0
"""A loss axis of no more decades has ticks between the powers of ten."""


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One plot: traces and a layout for Plotly."""

    title: str
    traces: Sequence[Json]
    layout: Json
    alt: str
    """What is to be seen, for those who don't."""
    height: int = 270


@dataclass(frozen=True, kw_only=True)
class Key:
    """A line of a legend."""

    mark: str
    """One of `SYMBOLS`, hollow; or filled, line, dashed, cross, tick, scale."""
    text: str
    colour: str = ""
    """Of all marks but the scale, which has all levels."""


@dataclass(frozen=True, kw_only=True)
class Section:
    """A figure of one or more panels, with what is needed to read it."""

    title: str
    text: str
    panels: Sequence[Panel]
    legend: Sequence[Key] = ()
    folded: Sequence[Panel] = ()
    """Panels that are shown on demand."""
    wide: bool = False
    """Whether a panel takes the whole line."""


def drawn(nmse: float) -> float:
    """An nmse where it is drawn: within what the axis has room for, in three digits."""
    return float(f"{min(max(nmse, EXACT_NMSE), HIGHEST):.3g}")


def short(value: float) -> float:
    """A number in four digits: a page holds many."""
    return float(f"{value:.4g}")


def loss_range(values: Iterable[float]) -> tuple[float, float]:
    """The ends of an axis of losses, as powers of ten, with the mean predictor's 1 in it."""
    exponents = [math.log10(drawn(value)) for value in (*values, 1.0)]
    low, high = min(exponents), max(exponents)
    margin = max(0.04 * (high - low), 0.12)
    return short(low - margin), short(high + margin)


def loss_axis(ends: tuple[float, float]) -> Json:
    """A logarithmic axis of losses."""
    decades = ends[1] - ends[0]
    ticks = "D2" if decades <= _FINE_DECADES else max(1, round(decades / 6))
    return {"type": "log", "range": [*ends], "dtick": ticks, "exponentformat": "power"}


def horizontal(y: float, colour: str, dash: str = "dash", yref: str = "y") -> Json:
    """A line across a panel, as a shape; `y` in the axis's own units."""
    line = {"color": colour, "width": 1.5, "dash": dash}
    ends: Json = {"xref": "paper", "x0": 0, "x1": 1, "yref": yref, "y0": y, "y1": y}
    return {"type": "line", "line": line, "layer": "below", **ends}


MEAN_PREDICTOR = horizontal(1.0, MUTED, "dot")
"""The loss of predicting the mean, whatever the input."""


def plain(text: str) -> str:
    """A text of others in a figure: Plotly takes some tags for its own."""
    return html.escape(text, quote=False)


NO_LAYERS = -1
"""Stands for the depth of a dot product, which has none."""


def depth_of(row: TrialRow) -> int:
    """The hidden layers of a row's network, `NO_LAYERS` where a model has no layers at all."""
    depth = row.column("depth")
    return NO_LAYERS if depth is None else int(depth)


def depth_text(depth: int) -> str:
    """A depth in a legend."""
    if depth == NO_LAYERS:
        return "dot product"
    return f"{depth} hidden layer{'' if depth == 1 else 's'}"


def levels_of(values: Iterable[int]) -> Mapping[int, int]:
    """A level for each of the values, by their order: an index in `LEVELS`."""
    ordered = sorted(set(values))
    if len(ordered) == 1:
        return {ordered[0]: 3}
    step = (len(LEVELS) - 1) / max(len(ordered) - 1, 1)
    return {value: round(index * step) for index, value in enumerate(ordered)}


def trial_points(
    trials: Sequence[int],
    xs: Sequence[float],
    ys: Sequence[float],
    texts: Sequence[str],
    marker: Json,
) -> Json:
    """A point for each trial, told by its number, its nmse and a text.

    Where the marker's colours are levels, the page turns them into theirs.
    """
    return {
        **{"type": "scatter", "mode": "markers", "x": [*xs], "y": [*ys]},
        **{"customdata": [*trials], "text": [*texts]},
        "hovertemplate": "trial %{customdata}: %{y:.2g}, %{text}<extra></extra>",
        "marker": {"size": 6, "coloraxis": "coloraxis", **marker},
    }
