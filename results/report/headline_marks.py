"""What the first figure draws of one series of studies, trace by trace."""

import math
from collections.abc import Iterator, Sequence

from .figure import BY_HAND, LONGER, Json, drawn, plain
from .loss_text import is_exact, loss_text
from .outcome import StudyOutcome

Placed = Sequence[tuple[float, StudyOutcome]]
"""The studies of a series that reached something, each with its place on the axis."""

EXACT_AXIS, DIVERGED_AXIS = "y2", "y3"
"""The strips for what is no loss: their heights run from 0 to 1."""


def points(outcome: StudyOutcome) -> list[float]:
    """The nmse of each replicate, infinite where it diverged; of none, the search's lowest."""
    if outcome.confirmed:
        return [math.inf if row.nmse is None else row.nmse for row in outcome.replicates]
    return [] if outcome.reached is None else [outcome.reached]


def replicates(placed: Placed, colour: str, symbol: str) -> Iterator[Json]:
    """Every replicate hollow, on the axis of losses or in its strip; a cross where unconfirmed."""
    strips: dict[str, list[tuple[float, float, str, str]]] = {}
    for place, outcome in placed:
        found = points(outcome)
        for number, nmse in enumerate(found):
            which = f"replicate {number}" if outcome.confirmed else "unconfirmed"
            text = f"{plain(outcome.label)}, {which}: {loss_text(nmse)}"
            drawn_as = f"{symbol}-open" if outcome.confirmed else "x-thin"
            strip, height = _strip(nmse)
            height = (number + 0.5) / len(found) if height is None else height
            strips.setdefault(strip, []).append((place, height, drawn_as, text))
    for strip, marks in strips.items():
        xs, ys, symbols, texts = zip(*marks, strict=True)
        line = {"width": 1.5, "color": colour}
        yield {
            **{"type": "scatter", "mode": "markers", "x": [*xs], "y": [*ys], "yaxis": strip},
            **{"text": [*texts], "hoverinfo": "text"},
            "marker": {"symbol": [*symbols], "color": colour, "size": 8, "line": line},
        }


def medians(placed: Placed, colour: str, *, joined: bool, size: int) -> Json:
    """A tick for what each study reached."""
    found = [(place, outcome) for place, outcome in placed if _is_loss(outcome.reached)]
    texts = [f"{plain(each.label)}: {each.reached_text}, {each.network}" for _, each in found]
    heights = [drawn(outcome.reached or 0.0) for _, outcome in found]
    marks = _ticks([place for place, _ in found], heights, texts)
    return {**marks, **_style(colour, "solid", joined=joined, size=size)}


def by_hand(placed: Placed, *, joined: bool, size: int) -> Json:
    """A tick for weights set by hand in a network of the winner's size, where that is known."""
    found = [(place, outcome) for place, outcome in placed if drawn_by_hand(outcome)]
    texts = [
        f"{plain(each.label)}, by hand, {each.network}: {loss_text(each.by_hand)}"
        for _, each in found
    ]
    heights = [drawn(outcome.by_hand or 0.0) for _, outcome in found]
    marks = _ticks([place for place, _ in found], heights, texts)
    return {**marks, **_style(BY_HAND, "dash", joined=joined, size=size)}


def drawn_by_hand(outcome: StudyOutcome) -> bool:
    """Whether weights set by hand are drawn for a study: beside others than exact ones."""
    return _is_loss(outcome.by_hand) and not outcome.exact


def longer(placed: Placed) -> Json:
    """A diamond for the median of the replicates with more steps."""
    found = [(place, each) for place, each in placed if _is_loss(each.row["nmse_longer"])]
    texts = [
        f"{plain(each.label)}, {each.row['steps_longer']:,} steps: "
        f"{loss_text(each.row['nmse_longer'], each.digits)}"
        for _, each in found
    ]
    heights = [drawn(each.row["nmse_longer"]) for _, each in found]
    marker = {"symbol": "diamond", "color": LONGER, "size": 8}
    return {**_ticks([place for place, _ in found], heights, texts), "marker": marker}


def networks(placed: Placed, colour: str) -> Json:
    """The medians and the networks in words, beside the line; left out on a narrow page."""
    found = [(place, outcome) for place, outcome in placed if _is_loss(outcome.reached)]
    heights = [drawn(outcome.reached or 0.0) for _, outcome in found]
    return {
        **{"type": "scatter", "mode": "text", "meta": "wide", "hoverinfo": "skip"},
        **{"x": [place for place, _ in found], "y": heights},
        "text": [f"<br>  {each.reached_text}  {each.network}<br>" for _, each in found],
        "textposition": [
            "bottom right" if after >= before else "top right"
            for before, after in zip(heights, [*heights[1:], math.inf], strict=False)
        ],
        "textfont": {"color": colour, "size": 11},
    }


def _strip(nmse: float) -> tuple[str, float | None]:
    """The axis of an nmse, and its height there; None where it has none."""
    if is_exact(nmse):
        return EXACT_AXIS, None
    return (DIVERGED_AXIS, None) if math.isinf(nmse) else ("y", drawn(nmse))


def _is_loss(nmse: float | None) -> bool:
    return nmse is not None and math.isfinite(nmse) and not is_exact(nmse)


def _ticks(xs: Sequence[float], ys: Sequence[float], texts: Sequence[str]) -> Json:
    points: Json = {"x": [*xs], "y": [*ys], "text": [*texts]}
    return {"type": "scatter", "mode": "markers", **points, "hoverinfo": "text"}


def _style(colour: str, dash: str, *, joined: bool, size: int) -> Json:
    mark = {"symbol": "line-ew", "size": size, "line": {"color": colour, "width": 2.5}}
    line = {"color": colour, "width": 1.5, "dash": dash}
    return {"mode": "lines+markers" if joined else "markers", "line": line, "marker": mark}
