"""The first figure: what every study reached, over the main axis."""

import math
from collections.abc import Iterator, Sequence

from .figure import (
    BY_HAND,
    EXACT_STRIP,
    LONGER,
    MEAN_PREDICTOR,
    MUTED,
    SERIES,
    SYMBOLS,
    WARNING,
    Json,
    Key,
    Panel,
    Section,
    loss_axis,
    loss_range,
    plain,
    short,
)
from .findings import Findings, Series
from .headline_marks import (
    DIVERGED_AXIS,
    EXACT_AXIS,
    Placed,
    by_hand,
    drawn_by_hand,
    longer,
    medians,
    networks,
    points,
    replicates,
)
from .loss_text import is_exact
from .outcome import StudyOutcome

_MOST_TOLD = 10
"""With more studies that aren't exact, their networks are told by the hover text alone."""
_MOST_JOINED = 6
"""With more series lines between their medians only confuse."""
_MOST_WIDE = 3
"""With more series the ticks of their medians are short."""
_DODGE = 0.5
"""How much of the smallest gap between two places the series share."""
_STRIP = 0.14
"""The height of a strip for what is no loss, as a share of the figure's."""
_GAP = 0.05
"""The room for its name."""


def headline(findings: Findings) -> Section | None:
    """Every replicate hollow, the median a tick, by hand a dashed line; exact ones in a strip."""
    if all(outcome.reached is None for outcome in findings.outcomes):
        return None
    axis = findings.axis
    return Section(
        title=f"Loss over {axis.title}" if axis.name else "Loss",
        text="nmse is the loss divided by the variance of the labels: 1 is as good as predicting "
        "the mean, 0 is exact. Each replicate is a hollow point: the best configuration of the "
        "study, trained again with fresh data; their range is that of retraining one network.",
        panels=[_panel(findings)],
        legend=[*_legend(findings)],
        wide=True,
    )


def _panel(findings: Findings) -> Panel:
    known = [outcome for outcome in findings.outcomes if outcome.reached is not None]
    told = [f"{each.label}: {each.reached_text}" for each in known[:_MOST_TOLD]]
    if len(known) > _MOST_TOLD:
        told.append(f"and {len(known) - _MOST_TOLD} more studies")
    traces = [
        trace
        for index, series in enumerate(findings.series)
        for trace in _series(findings, index, series)
    ]
    return Panel(
        title="",
        traces=[trace for trace in traces if trace["x"]],
        layout=_layout(findings),
        alt=f"nmse over {findings.axis.title or 'the studies'}. {'; '.join(told)}",
        height=460,
    )


def _series(findings: Findings, index: int, series: Series) -> Iterator[Json]:
    count = len(findings.series)
    shift = (index - (count - 1) / 2) * _DODGE / max(count, 2) if count > 1 else 0.0
    placed: Placed = [
        (short(findings.axis.place(outcome.study) + shift), outcome)
        for outcome in series.outcomes
        if outcome.reached is not None
    ]
    joined = findings.axis.ordered and count <= _MOST_JOINED
    size = 13 if count <= _MOST_WIDE else 7
    yield from replicates(placed, _colour(index), _symbol(index))
    yield medians(placed, _colour(index), joined=joined, size=size)
    yield by_hand(placed, joined=joined, size=size)
    yield longer(placed)
    if sum(not outcome.exact for outcome in findings.outcomes) <= _MOST_TOLD:
        yield networks(placed, _colour(index))


def _colour(index: int) -> str:
    return SERIES[index % len(SERIES)]


def _symbol(index: int) -> str:
    return SYMBOLS[index % len(SYMBOLS)]


def _legend(findings: Findings) -> Iterator[Key]:
    outcomes = findings.outcomes
    if len(findings.series) > 1:
        for index, series in enumerate(findings.series):
            yield Key(mark=_symbol(index), colour=_colour(index), text=series.label)
    yield Key(mark="tick", colour=_colour(0), text="median")
    if any(outcome.found and not outcome.confirmed for outcome in outcomes):
        text = "unconfirmed: the search's lowest, too low on average"
        yield Key(mark="cross", colour=_colour(0), text=text)
    if any(outcome.row["nmse_longer"] is not None for outcome in outcomes):
        yield Key(mark="filled", colour=LONGER, text="median with more steps")
    if any(drawn_by_hand(outcome) for outcome in outcomes):
        yield Key(mark="dashed", colour=BY_HAND, text="weights set by hand, same size")


def _layout(findings: Findings) -> Json:
    drawn = [nmse for outcome in findings.outcomes for nmse in points(outcome)]
    exact, diverged = any(map(is_exact, drawn)), any(map(math.isinf, drawn))
    low, high = (_STRIP if exact else 0.0), (1 - _STRIP if diverged else 1.0)
    layout: Json = {
        "xaxis": {**_places(findings), "anchor": EXACT_AXIS if exact else "y"},
        "yaxis": {
            **loss_axis(loss_range(_losses(findings.outcomes))),
            "title": {"text": "nmse"},
            "domain": [low + _GAP if exact else 0, high - _GAP if diverged else 1],
        },
        "shapes": [MEAN_PREDICTOR],
        "annotations": [{**_name("predict the mean", 0.0, "bottom"), "yref": "y"}],
    }
    if exact:
        _add_strip(layout, EXACT_AXIS, (0, low), EXACT_STRIP)
        layout["annotations"].append(_name("rounding: exact", low, "bottom"))
    if diverged:
        _add_strip(layout, DIVERGED_AXIS, (high, 1), WARNING)
        layout["annotations"].append(_name("diverged", high, "top"))
    return layout


def _places(findings: Findings) -> Json:
    axis, places = findings.axis, [*findings.axis.places.values()]
    return {
        "title": {"text": plain(axis.title)},
        "range": [short(min(places) - 0.5), short(max(places) + 0.6)],
        "tickvals": [short(place) for place in places],
        "ticktext": [plain(_cut(text)) for text in axis.texts.values()],
        "automargin": True,
    }


def _losses(outcomes: Sequence[StudyOutcome]) -> list[float]:
    """All that is drawn on the axis of losses."""
    found: list[float | None] = []
    for outcome in outcomes:
        found += [*points(outcome), outcome.row["nmse_longer"]]
        found += [outcome.by_hand] if drawn_by_hand(outcome) else []
    return [nmse for nmse in found if nmse and math.isfinite(nmse) and not is_exact(nmse)]


def _cut(text: str) -> str:
    """A long text of layers without its middle."""
    return text if len(text) <= 16 else f"{text[:9]}…{text[-5:]}"


def _name(text: str, y: float, anchor: str) -> Json:
    """A name at the right end of a line or a strip."""
    place: Json = {"x": 1, "xref": "paper", "xanchor": "right", "y": y, "yref": "paper"}
    font = {"color": MUTED, "size": 11}
    return {"text": text, **place, "yanchor": anchor, "showarrow": False, "font": font}


def _add_strip(layout: Json, axis: str, ends: tuple[float, float], colour: str) -> None:
    """Add an axis without a scale, for what is no loss."""
    layout[axis.replace("y", "yaxis")] = {
        **{"domain": [*ends], "range": [-0.3, 1.3], "showticklabels": False, "ticks": ""},
        **{"showgrid": False, "fixedrange": True},
    }
    box: Json = {"x0": 0, "x1": 1, "y0": ends[0], "y1": ends[1], "xref": "paper", "yref": "paper"}
    fill = {"fillcolor": colour, "line": {"width": 0}, "layer": "below"}
    layout["shapes"].append({"type": "rect", **box, **fill})
