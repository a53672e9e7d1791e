"""The loss over the steps as a funnel: all trials begin, few are left at the end."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from ..rows import CurveRow
from .curve import Point, curves_by_trial
from .figure import (
    BY_HAND,
    LONGER,
    MEAN_PREDICTOR,
    MUTED,
    WINNER,
    Json,
    Key,
    Panel,
    Section,
    drawn,
    horizontal,
    loss_axis,
    loss_range,
    short,
)
from .findings import Findings
from .loss_text import is_exact, loss_text
from .outcome import StudyOutcome
from .panels import chosen

_MOST_TICKS = 6


def curves(findings: Findings) -> Section | None:
    """A panel for each study; None where no trial was evaluated twice."""
    shown, folded = chosen([each for each in findings.outcomes if _has_curves(each)])
    if not shown:
        return None
    ends = loss_range([nmse for outcome in shown for nmse in _losses(outcome)])
    return Section(
        title="Loss over steps",
        text="Each trial is a grey line that ends, in a tick, at the rung where it was pruned; "
        "below each rung stands how many trials were judged there. Both axes are logarithmic: a "
        "line that is still straight at its end still falls. The last point is another measure "
        "than those before: of the final weights on all held-out pairs, where a rung judges the "
        "running average of the weights on the first of them.",
        panels=[_panel(outcome, ends) for outcome in shown],
        folded=[_panel(outcome, loss_range(_losses(outcome))) for outcome in folded],
        legend=[*_legend([*shown, *folded])],
    )


def _has_curves(outcome: StudyOutcome) -> bool:
    return max(Counter(row.key for row in outcome.curves).values(), default=0) > 1


def _losses(outcome: StudyOutcome) -> list[float]:
    return [row.nmse_at_step for row in outcome.curves if row.nmse_at_step is not None]


def _panel(outcome: StudyOutcome, ends: tuple[float, float]) -> Panel:
    searched = [row for row in outcome.curves if row.phase == "search"]
    winners = [row for row in outcome.curves if row.phase == "confirm" and row.steps_factor == 1]
    if not winners:
        winners = [row for row in searched if row.trial == outcome.row["best_trial"]]
    longest = max((row.steps_factor for row in outcome.curves), default=1)
    longer = [row for row in outcome.curves if row.steps_factor == longest > 1]
    traces = [_lines(searched, MUTED, 0.8), _pruned(outcome, searched)]
    for rows, colour in ((longer, LONGER), (winners, WINNER)):
        traces += [_lines(rows, colour, 2.5), _points(rows, colour)]
    return Panel(
        title=outcome.label,
        traces=[trace for trace in traces if trace["x"]],
        layout={
            "xaxis": _steps_axis(outcome.curves),
            "yaxis": loss_axis(ends),
            "shapes": [MEAN_PREDICTOR, *_by_hand(outcome)],
            "annotations": _below(outcome, ends),
            "margin": {"b": 62},  # two lines below the ticks
        },
        alt=f"{outcome.label}: nmse over steps; {_funnel(searched)}",
        height=290,
    )


def _by_hand(outcome: StudyOutcome) -> list[Json]:
    if outcome.by_hand is None or is_exact(outcome.by_hand):
        return []
    return [horizontal(drawn(outcome.by_hand), BY_HAND)]


def _below(outcome: StudyOutcome, ends: tuple[float, float]) -> list[Json]:
    """What weights set by hand reach in words, where the axis doesn't reach down to it."""
    if not _by_hand(outcome) or math.log10(drawn(outcome.by_hand or 0.0)) > ends[0]:
        return []
    place: Json = {"xref": "paper", "x": 0.02, "yref": "paper", "y": 0, "showarrow": False}
    font = {"color": BY_HAND, "size": 11}
    text = f"↓ by hand {loss_text(outcome.by_hand)}"
    return [{**place, "text": text, "font": font, "xanchor": "left", "yanchor": "bottom"}]


def _lines(rows: Sequence[CurveRow], colour: str, width: float) -> Json:
    """Many curves as one trace, with gaps between them."""
    xs: list[int | None] = []
    ys: list[float | None] = []
    for curve in curves_by_trial(rows).values():
        xs += [*(point.step for point in curve), None]
        ys += [*(drawn(point.nmse) for point in curve), None]
    return {
        **{"type": "scatter", "mode": "lines", "x": xs[:-1], "y": ys[:-1], "hoverinfo": "skip"},
        **{"line": {"color": colour, "width": width}, "opacity": 0.6 if colour == MUTED else 1},
    }


def _pruned(outcome: StudyOutcome, searched: Sequence[CurveRow]) -> Json:
    """A tick at the end of each pruned trial."""
    found = curves_by_trial(searched)
    pruned = [row for row in outcome.trials if row.status == "pruned" and found.get(row.key)]
    last: list[Point] = [found[row.key][-1] for row in pruned]
    marker = {"symbol": "line-ns", "size": 6, "line": {"color": MUTED, "width": 1.2}}
    return {
        **{"type": "scatter", "mode": "markers", "marker": marker},
        "x": [point.step for point in last],
        "y": [drawn(point.nmse) for point in last],
        "customdata": [row.trial for row in pruned],
        "hovertemplate": "trial %{customdata}, pruned<extra></extra>",
    }


def _points(rows: Sequence[CurveRow], colour: str) -> Json:
    """The points of winners, hollow where it is the last, which is another measure."""
    found = [
        (point, point is curve[-1]) for curve in curves_by_trial(rows).values() for point in curve
    ]
    symbols = ["circle-open" if last else "circle" for _, last in found]
    line = {"width": 2, "color": colour}
    return {
        **{"type": "scatter", "mode": "markers", "hoverinfo": "x+y"},
        "x": [point.step for point, _ in found],
        "y": [drawn(point.nmse) for point, _ in found],
        "marker": {"symbol": symbols, "size": 7, "color": colour, "line": line},
    }


def _steps_axis(rows: Sequence[CurveRow]) -> Json:
    """Ticks, with their number, at the steps where many trials were judged; and at both ends."""
    counts = _judged_at(row for row in rows if row.phase == "search")
    many = [step for step, count in counts.most_common(_MOST_TICKS) if count > 1]
    ends = [pick(row.step for row in rows) for pick in (min, max)]
    ticks = sorted({*many, *ends})
    margin = 0.06 * math.log10(ends[1] / ends[0]) + 0.02
    return {
        **{"type": "log", "title": {"text": "steps, and trials judged there"}},
        "range": [short(math.log10(ends[0]) - margin), short(math.log10(ends[1]) + margin)],
        "tickvals": ticks,
        "ticktext": [f"{step}<br>{counts[step] or ''}" for step in ticks],
    }


def _judged_at(rows: Iterable[CurveRow]) -> Counter[int]:
    return Counter(row.step for row in rows)


def _funnel(searched: Sequence[CurveRow]) -> str:
    counts = sorted(_judged_at(searched).items())[:_MOST_TICKS]
    return ", ".join(f"{count} trials at step {step}" for step, count in counts)


def _legend(outcomes: Sequence[StudyOutcome]) -> Iterator[Key]:
    yield Key(mark="line", colour=MUTED, text="a trial of the search")
    confirmed = any(outcome.confirmed for outcome in outcomes)
    text = "the winner, trained again" if confirmed else "the best trial"
    yield Key(mark="line", colour=WINNER, text=text)
    if any(outcome.longer for outcome in outcomes):
        yield Key(mark="line", colour=LONGER, text="the winner, with more steps")
    yield Key(mark="circle", colour=WINNER, text="final weights, all pairs")
    if any(_by_hand(outcome) for outcome in outcomes):
        yield Key(mark="dashed", colour=BY_HAND, text="weights set by hand, same size")
