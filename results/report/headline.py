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
    drawn,
    loss_axis,
    loss_range,
    plain,
    short,
)
from .findings import Findings, Series
from .loss_text import is_exact, loss_text
from .outcome import StudyOutcome

_MOST_LABELS = 10
"""With more studies on the axis their networks are told by the hover text alone."""
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
    known = [outcome for outcome in findings.outcomes if outcome.reached is not None]
    if not known:
        return None
    figure = _Headline(findings)
    axis = findings.axis
    title = f"Loss over {axis.title}" if axis.name else "Loss"
    return Section(
        title=title,
        text="nmse is the loss divided by the variance of the labels: 1 is as good as predicting "
        "the mean, 0 is exact. Each replicate is a hollow point: the best configuration of the "
        "study, trained again with fresh data; their range is that of retraining one network.",
        panels=[figure.panel(known)],
        legend=[*figure.legend()],
        wide=True,
    )


class _Headline:
    """The figure while it is put together."""

    def __init__(self, findings: Findings) -> None:
        self._findings, self._axis = findings, findings.axis
        rows = [row for outcome in findings.outcomes for row in _points(outcome)]
        self._has_exact = any(is_exact(nmse) for nmse in rows)
        self._has_diverged = any(math.isinf(nmse) for nmse in rows)
        labelled = [each for each in findings.outcomes if not each.exact]
        self._labels = len(labelled) <= _MOST_LABELS
        self._tick_size = 13 if len(findings.series) <= _MOST_WIDE else 7

    def panel(self, known: Sequence[StudyOutcome]) -> Panel:
        traces = [
            trace
            for index, series in enumerate(self._findings.series)
            for trace in self._series(index, series)
        ]
        told = "; ".join(f"{each.label}: {each.reached_text}" for each in known[:12])
        return Panel(
            title="",
            traces=traces,
            layout=self._layout(),
            alt=f"nmse over {self._axis.title or 'the studies'}. {told}"
            + (f"; and {len(known) - 12} more studies" if len(known) > 12 else ""),
            height=460,
        )

    def legend(self) -> Iterator[Key]:
        series = self._findings.series
        if len(series) > 1:
            for index, each in enumerate(series):
                yield Key(mark="hollow", colour=_colour(index), text=each.label)
        yield Key(mark="tick", colour=_colour(0), text="median")
        if any(outcome.found and not outcome.confirmed for outcome in self._findings.outcomes):
            text = "unconfirmed: the search's lowest, too low on average"
            yield Key(mark="cross", colour=_colour(0), text=text)
        if any(outcome.row["nmse_longer"] is not None for outcome in self._findings.outcomes):
            text = "median with more steps"
            yield Key(mark="filled", colour=LONGER, text=text)
        if any(_drawn_by_hand(outcome) for outcome in self._findings.outcomes):
            yield Key(mark="dashed", colour=BY_HAND, text="weights set by hand, same size")

    def _layout(self) -> Json:
        axis, places = self._axis, [*self._axis.places.values()]
        low, high = (_STRIP if self._has_exact else 0.0), (1 - _STRIP if self._has_diverged else 1)
        losses = [
            nmse for each in self._findings.outcomes for nmse in (*_points(each), *_more(each))
        ]
        losses = [nmse for nmse in losses if not is_exact(nmse) and math.isfinite(nmse)]
        layout: Json = {
            "xaxis": {
                "title": {"text": plain(axis.title)},
                "range": [min(places) - 0.5, max(places) + 0.6],
                "tickvals": [short(place) for place in places],
                "ticktext": [plain(_folded(text)) for text in axis.texts.values()],
                "anchor": "y2" if self._has_exact else "y",
                "automargin": True,
            },
            "yaxis": {
                **loss_axis(loss_range(losses)),
                "title": {"text": "nmse"},
                "domain": [low + _GAP if low else 0, high - _GAP if high < 1 else 1],
            },
            "shapes": [{**MEAN_PREDICTOR, "xref": "paper"}],
            "annotations": [_said("predict the mean", 0.0, "y", MUTED)],
        }
        if self._has_exact:
            _add_strip(layout, 2, (0, low), EXACT_STRIP, "rounding: exact", "bottom")
        if self._has_diverged:
            _add_strip(layout, 3, (high, 1), WARNING, "diverged", "top")
        return layout

    def _series(self, index: int, series: Series) -> Iterator[Json]:
        colour, symbol = _colour(index), SYMBOLS[index // len(SERIES) % len(SYMBOLS)]
        known = [outcome for outcome in series.outcomes if outcome.reached is not None]
        places = [self._place(index, outcome) for outcome in known]
        yield from self._replicates(known, places, colour, symbol)
        yield self._medians(known, places, colour)
        yield from self._by_hand(known, places)
        yield from self._longer(known, places)
        if self._labels and not series.exact:
            yield self._networks(known, places, colour)

    def _place(self, index: int, outcome: StudyOutcome) -> float:
        count = len(self._findings.series)
        shift = (index - (count - 1) / 2) * _DODGE / max(count, 2) if count > 1 else 0.0
        return short(self._axis.place(outcome.study) + shift)

    def _replicates(
        self, known: Sequence[StudyOutcome], places: Sequence[float], colour: str, symbol: str
    ) -> Iterator[Json]:
        strips: dict[str, list[tuple[float, float, str]]] = {"y": [], "y2": [], "y3": []}
        for outcome, place in zip(known, places, strict=True):
            points = _points(outcome)
            for number, nmse in enumerate(points):
                text = f"{plain(outcome.label)}, replicate {number}: {loss_text(nmse)}"
                if not outcome.confirmed:
                    text = f"{plain(outcome.label)}, unconfirmed: {loss_text(nmse)}"
                strip, height = "y", drawn(nmse)
                if is_exact(nmse) or math.isinf(nmse):
                    strip, height = "y2" if is_exact(nmse) else "y3", (number + 0.5) / len(points)
                strips[strip].append((place, height, text))
        unconfirmed = bool(known) and not any(outcome.confirmed for outcome in known)
        for strip, found in strips.items():
            if found:
                xs, ys, texts = zip(*found, strict=True)
                marker = {"symbol": "x" if unconfirmed else f"{symbol}-open", "color": colour}
                yield {
                    **{"type": "scatter", "mode": "markers", "x": xs, "y": ys, "yaxis": strip},
                    **{"text": texts, "hoverinfo": "text"},
                    "marker": {**marker, "size": 8, "line": {"width": 1.5}},
                }

    def _medians(self, known: Sequence[StudyOutcome], places: Sequence[float], colour: str) -> Json:
        found = [
            (place, drawn(outcome.reached or 0.0), _told(outcome))
            for outcome, place in zip(known, places, strict=True)
            if not outcome.exact and math.isfinite(outcome.reached or 0.0)
        ]
        joined = self._axis.ordered and len(self._findings.series) <= _MOST_JOINED
        return {
            "type": "scatter",
            "mode": "lines+markers" if joined else "markers",
            "x": [place for place, _, _ in found],
            "y": [nmse for _, nmse, _ in found],
            "text": [text for _, _, text in found],
            "hoverinfo": "text",
            "line": {"color": colour, "width": 1.5},
            "marker": _tick(colour, self._tick_size),
        }

    def _by_hand(self, known: Sequence[StudyOutcome], places: Sequence[float]) -> Iterator[Json]:
        found = [
            (place, outcome)
            for outcome, place in zip(known, places, strict=True)
            if _drawn_by_hand(outcome)
        ]
        if found:
            joined = self._axis.ordered and len(self._findings.series) <= _MOST_JOINED
            yield {
                "type": "scatter",
                "mode": "lines+markers" if joined else "markers",
                "x": [place for place, _ in found],
                "y": [drawn(outcome.by_hand or 0.0) for _, outcome in found],
                "text": [
                    f"{plain(each.label)}, by hand, {each.network}: {loss_text(each.by_hand)}"
                    for _, each in found
                ],
                "hoverinfo": "text",
                "line": {"color": BY_HAND, "width": 1.5, "dash": "dash"},
                "marker": _tick(BY_HAND, self._tick_size),
            }

    def _longer(self, known: Sequence[StudyOutcome], places: Sequence[float]) -> Iterator[Json]:
        found = [
            (place, each)
            for each, place in zip(known, places, strict=True)
            if each.row["nmse_longer"] is not None and not is_exact(each.row["nmse_longer"])
        ]
        if found:
            yield {
                **{"type": "scatter", "mode": "markers", "hoverinfo": "text"},
                "x": [place for place, _ in found],
                "y": [drawn(each.row["nmse_longer"]) for _, each in found],
                "text": [
                    f"{plain(each.label)}, {each.row['steps_longer']:,} steps: "
                    f"{loss_text(each.row['nmse_longer'], each.digits)}"
                    for _, each in found
                ],
                "marker": {"symbol": "diamond", "color": LONGER, "size": 8},
            }

    def _networks(
        self, known: Sequence[StudyOutcome], places: Sequence[float], colour: str
    ) -> Json:
        """The medians and the networks in words; left out where the page is narrow."""
        found = [
            (place, outcome)
            for outcome, place in zip(known, places, strict=True)
            if not outcome.exact and math.isfinite(outcome.reached or 0.0)
        ]
        heights = [drawn(outcome.reached or 0.0) for _, outcome in found]
        return {
            **{"type": "scatter", "mode": "text", "meta": "wide", "hoverinfo": "skip"},
            "x": [place for place, _ in found],
            "y": heights,
            "text": [f"<br>  {each.reached_text}  {each.network}<br>" for _, each in found],
            "textposition": [
                "bottom right" if after >= before else "top right"
                for before, after in zip(heights, [*heights[1:], heights[-1]], strict=True)
            ],
            "textfont": {"color": colour, "size": 11},
        }


def _points(outcome: StudyOutcome) -> list[float]:
    """The nmse of each replicate, infinite where it diverged; of none, the search's lowest."""
    if outcome.confirmed:
        return [math.inf if row.nmse is None else row.nmse for row in outcome.replicates]
    return [] if outcome.reached is None else [outcome.reached]


def _more(outcome: StudyOutcome) -> list[float]:
    """What else is drawn of a study."""
    found = [outcome.row["nmse_longer"], outcome.by_hand if _drawn_by_hand(outcome) else None]
    return [nmse for nmse in found if nmse is not None]


def _drawn_by_hand(outcome: StudyOutcome) -> bool:
    return outcome.by_hand is not None and not is_exact(outcome.by_hand) and not outcome.exact


def _told(outcome: StudyOutcome) -> str:
    return f"{plain(outcome.label)}: {outcome.reached_text}, {outcome.network}"


def _tick(colour: str, size: int) -> Json:
    line = {"color": colour, "width": 2.5}
    return {"symbol": "line-ew", "size": size, "color": colour, "line": line}


def _colour(index: int) -> str:
    return SERIES[index % len(SERIES)]


def _folded(text: str) -> str:
    """A long text of layers, cut in its middle for an axis."""
    return text if len(text) <= 16 else f"{text[:9]}…{text[-5:]}"


def _said(text: str, y: float, yref: str, colour: str) -> Json:
    return {
        **{"text": text, "x": 1, "xref": "paper", "xanchor": "right", "showarrow": False},
        **{"y": y, "yref": yref, "yanchor": "bottom", "font": {"color": colour, "size": 11}},
    }


def _add_strip(
    layout: Json, number: int, ends: tuple[float, float], colour: str, text: str, anchor: str
) -> None:
    """Add an axis without a scale, for what is no loss."""
    layout[f"yaxis{number}"] = {
        **{"domain": [*ends], "range": [-0.3, 1.3], "showticklabels": False, "ticks": ""},
        **{"showgrid": False, "zeroline": False, "fixedrange": True},
    }
    layout["shapes"].append(
        {
            **{"type": "rect", "xref": "paper", "x0": 0, "x1": 1, "yref": "paper"},
            **{"y0": ends[0], "y1": ends[1], "fillcolor": colour, "line": {"width": 0}},
            "layer": "below",
        }
    )
    layout["annotations"].append(
        {**_said(text, ends[anchor == "bottom"], "paper", MUTED), "yanchor": anchor}
    )
