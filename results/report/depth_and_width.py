"""Depth against width: the lowest loss of each, of all trials at the first rung."""

import math
from collections.abc import Mapping, Sequence

from .figure import LEVELS, Json, Panel, Section, drawn
from .findings import Findings
from .first_rung import Judged, first_rung
from .loss_text import loss_text
from .outcome import StudyOutcome
from .panels import chosen

_MOST_DEPTHS = 8

Cells = Mapping[tuple[int, int], float]
"""(Depth, octave of the width) to the lowest nmse."""


def depth_and_width(findings: Findings) -> Section | None:
    """A panel for each study; None where depth or width is fixed, or there are many depths."""
    varied = [outcome for outcome in findings.outcomes if _varies(outcome)]
    if not varied:
        return None
    shown, folded = chosen(varied)
    return Section(
        title="Depth against width",
        text="The lowest nmse of all trials at the first rung, by depth and by width in octaves: "
        "few trials lie in a cell, so that small differences are chance. At depth 0 there is no "
        "width.",
        panels=[_panel(outcome) for outcome in shown],
        folded=[_panel(outcome) for outcome in folded],
    )


def _varies(outcome: StudyOutcome) -> bool:
    depths, widths = ({row.column(name) for row in outcome.trials} for name in ("depth", "width"))
    if None in depths:  # a dot product
        return False
    return 1 < len(depths) <= _MOST_DEPTHS and len(widths) > 1


def _panel(outcome: StudyOutcome) -> Panel:
    cells = _cells(outcome)
    depths = sorted({depth for depth, _ in cells})
    octaves = sorted({octave for _, octave in cells})
    across = {"title": {"text": "depth"}, **_ticks([str(depth) for depth in depths])}
    up = {"title": {"text": "width"}, **_ticks([_span(octave) for octave in octaves])}
    return Panel(
        title=outcome.label,
        traces=[_heatmap(cells, depths, octaves)] if cells else [],
        layout={"xaxis": across, "yaxis": {**up, "automargin": True}},
        alt=f"{outcome.label}: the lowest nmse at the first rung by depth and width, "
        f"{loss_text(min(cells.values(), default=None), 1)} at best",
    )


def _cells(outcome: StudyOutcome) -> Cells:
    judged = first_rung(outcome).judged
    widths = [_octave(each) for each in judged if each.trial.column("depth") > 0]
    octaves = range(min(widths, default=0), max(widths, default=0) + 1)
    cells: dict[tuple[int, int], float] = {}
    for each in judged:
        depth = each.trial.column("depth")
        for octave in octaves if depth == 0 else [_octave(each)]:
            cells[depth, octave] = min(cells.get((depth, octave), math.inf), each.nmse)
    return cells


def _octave(judged: Judged) -> int:
    return math.floor(math.log2(judged.trial.column("width")))


def _ticks(texts: Sequence[str]) -> Json:
    return {"tickvals": [*range(len(texts))], "ticktext": [*texts], "showgrid": False}


def _span(octave: int) -> str:
    return f"{2**octave} to {2 ** (octave + 1) - 1}" if octave else "1"


def _heatmap(cells: Cells, depths: Sequence[int], octaves: Sequence[int]) -> Json:
    found = [[cells.get((depth, octave)) for depth in depths] for octave in octaves]
    strong = LEVELS[:0:-1]  # the lowest loss in the strongest colour
    return {
        **{"type": "heatmap", "showscale": False, "hoverinfo": "skip", "xgap": 2, "ygap": 2},
        "z": [[None if each is None else math.log10(drawn(each)) for each in row] for row in found],
        "text": [["" if each is None else loss_text(each, 1) for each in row] for row in found],
        **{"texttemplate": "%{text}", "textfont": {"size": 10}},
        "colorscale": [[index / (len(strong) - 1), name] for index, name in enumerate(strong)],
    }
