"""Every trial of every study, exact ones on a floor with their number."""

from collections.abc import Sequence

from .figure import (
    INK,
    MUTED,
    SERIES,
    WINNER,
    Json,
    Key,
    Panel,
    Section,
    drawn,
    loss_axis,
    plain,
)
from .findings import Findings
from .loss_text import is_exact
from .outcome import StudyOutcome
from .panels import MOST_PANELS

_ROW_PIXELS = 34
_TICKS: Json = {
    "tickvals": [1e-12, 1e-9, 1e-6, 1e-3, 1],
    "ticktext": ["≤10<sup>-12</sup>", *(f"10<sup>-{power}</sup>" for power in (9, 6, 3)), "1"],
}
_LEFT = -14.6
"""Left of the floor there is room for the numbers."""
_SPREAD = 0.6
"""How much of a row's height its points are spread over."""


def zeros(findings: Findings) -> Section | None:
    """A row for each study; None where no trial is exact."""
    with_exact = [outcome for outcome in findings.outcomes if _exact_count(outcome)]
    if not with_exact:
        return None
    others = [each for each in findings.outcomes if len(each.trials) and not _exact_count(each)]
    shown = [*with_exact, *others]
    first = shown if len(shown) <= 2 * MOST_PANELS else shown[: 2 * MOST_PANELS]
    order = {id(outcome) for outcome in first}
    first = [outcome for outcome in findings.outcomes if id(outcome) in order]
    rest = [outcome for outcome in findings.outcomes if id(outcome) not in order]
    return Section(
        title="Exact trials",
        text="All trials of the search, by their final loss or that at the rung where they were "
        "pruned. An nmse of 1e-12 and less is the rounding of 32-bit numbers: such trials lie on "
        "the floor at the left, and their number stands there.",
        panels=[_panel(first)],
        folded=[_panel([each for each in rest if len(each.trials)])] if rest else [],
        legend=[
            Key(mark="circle", colour=MUTED, text="pruned"),
            Key(mark="filled", colour=SERIES[0], text="completed"),
            Key(mark="line", colour=WINNER, text="what the study reached"),
        ],
        wide=True,
    )


def _exact_count(outcome: StudyOutcome) -> int:
    return sum(is_exact(row.nmse) for row in outcome.trials)


def _panel(outcomes: Sequence[StudyOutcome]) -> Panel:
    counts = [_exact_count(outcome) for outcome in outcomes]
    totals = [len(outcome.trials) for outcome in outcomes]
    rows = range(len(outcomes))
    told = [
        f"{outcome.label}: {count} of {total} exact"
        for outcome, count, total in zip(outcomes, counts, totals, strict=True)
        if count
    ]
    return Panel(
        title="",
        traces=[
            _points(outcomes, "pruned", MUTED, "circle-open"),
            _points(outcomes, "completed", SERIES[0], "circle"),
        ],
        layout={
            "xaxis": {**loss_axis((_LEFT, 1.1)), **_TICKS, "title": {"text": "nmse"}},
            "yaxis": {
                "tickvals": [*rows],
                "ticktext": [plain(outcome.label) for outcome in outcomes],
                "range": [len(outcomes) - 0.4, -0.6],
                "automargin": True,
            },
            "shapes": [mark for row in rows for mark in _reached(row, outcomes[row])],
            "annotations": [
                _count(row, f"{counts[row]} of {totals[row]}") for row in rows if counts[row]
            ],
        },
        alt="; ".join(told) or "no exact trial",
        height=90 + _ROW_PIXELS * len(outcomes),
    )


def _points(outcomes: Sequence[StudyOutcome], status: str, colour: str, symbol: str) -> Json:
    found = [
        (drawn(trial.nmse), _spread(row, trial.trial), trial.trial)
        for row, outcome in enumerate(outcomes)
        for trial in outcome.trials
        if trial.status == status and trial.nmse is not None
    ]
    return {
        **{"type": "scatter", "mode": "markers"},
        "x": [nmse for nmse, _, _ in found],
        "y": [height for _, height, _ in found],
        "customdata": [trial for _, _, trial in found],
        "hovertemplate": "trial %{customdata}<extra></extra>",
        "marker": {"symbol": symbol, "size": 5 if status == "pruned" else 6, "color": colour},
    }


def _spread(row: int, trial: int) -> float:
    """A height within a row: by the golden ratio, so that neighbours lie apart."""
    return round(row + _SPREAD * (trial * 0.618034 % 1 - 0.5), 2)


def _reached(row: int, outcome: StudyOutcome) -> list[Json]:
    if outcome.reached is None or is_exact(outcome.reached):
        return []
    place = drawn(outcome.reached)
    return [
        {
            **{"type": "line", "x0": place, "x1": place, "y0": row - 0.4, "y1": row + 0.4},
            "line": {"color": WINNER, "width": 3},
        }
    ]


def _count(row: int, text: str) -> Json:
    return {
        **{"text": text, "x": -12.3, "y": row, "xanchor": "right", "showarrow": False},
        "font": {"size": 11, "color": INK},
    }
