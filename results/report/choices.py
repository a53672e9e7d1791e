"""The loss over one searched hyperparameter, of all trials at the first rung."""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from .figure import (
    LEVELS,
    MEAN_PREDICTOR,
    WARNING,
    WINNER,
    Json,
    Key,
    Panel,
    Section,
    drawn,
    loss_axis,
    loss_range,
    plain,
    short,
    trial_points,
)
from .findings import Findings
from .first_rung import FirstRung, Judged, first_rung
from .limits import NEAR, hits_of, share_of_range
from .loss_text import value_text
from .outcome import StudyOutcome
from .panels import chosen
from .reported import Bounds

_OWN_FIGURE = ("depth", "width")


def choices(findings: Findings) -> Iterator[Section]:
    """A figure for each searched hyperparameter beside depth and width, in the spec's order."""
    names = dict.fromkeys(name for each in findings.outcomes for name in each.study.space)
    for name in names:
        searched = [
            each
            for each in findings.outcomes
            if name in each.study.space and len({row.column(name) for row in each.trials}) > 1
        ]
        if name not in _OWN_FIGURE and searched:
            yield _section(name, searched)


def _section(name: str, searched: Sequence[StudyOutcome]) -> Section:
    shown, folded = chosen(searched)
    rungs = {id(outcome): first_rung(outcome) for outcome in searched}
    scale = _scale(name, rungs.values())
    ends = loss_range([each.nmse for outcome in shown for each in rungs[id(outcome)].judged])

    def panel(outcome: StudyOutcome) -> Panel:
        return _panel(outcome, name, rungs[id(outcome)].judged, scale, ends)

    steps = sorted({rung.step for rung in rungs.values() if rung.step is not None})
    where = f"at the first rung ({' or '.join(map(str, steps))} steps)" if steps else "at the end"
    hit = any(hit.name == name for outcome in searched for hit in hits_of(outcome))
    title = name.replace("_", " ").capitalize()
    return Section(
        title=f"{title} at the first rung" if steps else title,
        text=f"nmse of all trials {where}: what was pruned later is among them, since the "
        "survivors alone would show a choice that the search has already made. The line is the "
        "winner of the whole search.",
        panels=[panel(outcome) for outcome in shown],
        folded=[panel(outcome) for outcome in folded],
        legend=[*_legend(scale, hit)],
    )


class _Scale:
    """Colours for the values of a number, by their logarithm where they are positive."""

    def __init__(self, name: str, values: Sequence[float]) -> None:
        self.name = name
        self.bounds = Bounds(low=min(values), high=max(values), log=min(values) > 0)

    def level(self, judged: Judged) -> int:
        value = judged.trial.column(self.name)
        if value is None:  # of a dot product
            return 0
        share = share_of_range(value, self.bounds)
        return round(share * (len(LEVELS) - 1))

    @property
    def text(self) -> str:
        ends = value_text(self.bounds.low), value_text(self.bounds.high)
        return f"{self.name} {ends[0]} to {ends[1]}"


def _scale(name: str, rungs: Iterable[FirstRung]) -> _Scale | None:
    """Colours for the width, else the depth, where the trials differ in it."""
    for other in ("width", "depth"):
        values = [each.trial.column(other) for rung in rungs for each in rung.judged]
        values = [value for value in values if value is not None]
        if other != name and len(set(values)) > 1:
            return _Scale(other, values)
    return None


def _panel(
    outcome: StudyOutcome,
    name: str,
    judged: Sequence[Judged],
    scale: _Scale | None,
    ends: tuple[float, float],
) -> Panel:
    judged = [each for each in judged if each.trial.column(name) is not None]
    places = _Places(outcome.study.space[name], [each.trial.column(name) for each in judged])
    best = outcome.row[name] if outcome.found else None
    shapes = [MEAN_PREDICTOR, *_zones(name, outcome)]
    if best is not None:
        shapes.append(_winner(places.of(best)))
    told = f", the winner at {_text(best)}" if best is not None else ""
    words = name.replace("_", " ")
    return Panel(
        title=outcome.label,
        traces=[_points(name, judged, places, scale)] if judged else [],
        layout={
            "xaxis": {"title": {"text": words}, **places.axis()},
            "yaxis": loss_axis(ends),
            "shapes": shapes,
        },
        alt=f"{outcome.label}: nmse over {words} of {len(judged)} trials{told}",
    )


class _Places:
    """Where values stand: numbers by their size, choices side by side."""

    def __init__(self, bounds: Bounds | None, values: Sequence[Any]) -> None:
        self._bounds = bounds
        self._values = sorted(set(values), key=lambda value: (isinstance(value, str), value))

    def of(self, value: Any) -> float:
        return self._values.index(value) if self._bounds is None else short(value)

    def axis(self) -> Json:
        bounds = self._bounds
        if bounds is None:
            texts = [plain(_text(value)) for value in self._values]
            ends = [-0.5, len(texts) - 0.5]
            ticks: Json = {"tickvals": [*range(len(texts))], "ticktext": texts}
            return {**ticks, "range": ends, "automargin": True}
        if bounds.log:
            ends = [short(math.log10(bounds.low) - 0.1), short(math.log10(bounds.high) + 0.1)]
            return {"type": "log", "range": ends, "dtick": 1, "exponentformat": "power"}
        margin = 0.04 * (bounds.high - bounds.low)
        return {"range": [short(bounds.low - margin), short(bounds.high + margin)]}


def _points(name: str, judged: Sequence[Judged], places: _Places, scale: _Scale | None) -> Json:
    values = [each.trial.column(name) for each in judged]
    return trial_points(
        [each.trial.trial for each in judged],
        [places.of(value) for value in values],
        [drawn(each.nmse) for each in judged],
        [plain(_text(value)) for value in values],
        {"color": [scale.level(each) for each in judged] if scale else [3] * len(judged)},
    )


def _zones(name: str, outcome: StudyOutcome) -> Iterator[Json]:
    """The tenth of the range in which this study's winner lies at a bound."""
    bounds = outcome.study.space[name]
    for hit in hits_of(outcome):
        if hit.name == name and bounds is not None:
            inner = _inside(bounds, 1 - NEAR if hit.side == "high" else NEAR)
            yield {
                **{"type": "rect", "yref": "paper", "y0": 0, "y1": 1, "layer": "below"},
                **{"x0": min(inner, hit.bound), "x1": max(inner, hit.bound)},
                **{"fillcolor": WARNING, "line": {"width": 0}},
            }


def _inside(bounds: Bounds, share: float) -> float:
    if bounds.log:
        return short(bounds.low * (bounds.high / bounds.low) ** share)
    return short(bounds.low + (bounds.high - bounds.low) * share)


def _winner(place: float) -> Json:
    line = {"color": WINNER, "width": 1.5}
    ends: Json = {"x0": place, "x1": place, "yref": "paper", "y0": 0, "y1": 1}
    return {"type": "line", "line": line, **ends}


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, str | bool) else value_text(value)


def _legend(scale: _Scale | None, hit: bool) -> Iterator[Key]:
    if scale:
        yield Key(mark="scale", text=scale.text)
    yield Key(mark="line", colour=WINNER, text="the winner")
    if hit:
        text = "the last tenth of the range, where the winner lies in it"
        yield Key(mark="filled", colour=WARNING, text=text)
