"""The loss of every trial over the size of its network: what is a parameter worth?"""

import math
from collections.abc import Iterator, Mapping, Sequence

from spaces.vocabulary import LINEAR, short_layers

from ..rows import TrialRow
from .by_hand import by_hand_line
from .by_task import Group, by_task, chosen_groups, task_title
from .figure import (
    BY_HAND,
    INK,
    LEVELS,
    MEAN_PREDICTOR,
    WINNER,
    Json,
    Key,
    Panel,
    Section,
    depth_of,
    depth_text,
    drawn,
    levels_of,
    loss_axis,
    loss_range,
    plain,
    short,
    trial_points,
)
from .findings import Findings
from .loss_text import is_exact, loss_text


def parameters(findings: Findings) -> Section | None:
    """A panel for each task; None where all networks of each have the same size."""
    groups = [group for group in by_task(findings.outcomes) if len(_sizes([group])) > 1]
    if not groups:
        return None
    shown, folded = chosen_groups(groups)
    depths = levels_of(depth_of(row) for group in groups for row in _trials(group))
    ends, sizes = loss_range(_losses(shown)), _sizes(shown)
    across = (short(math.log10(min(sizes)) - 0.1), short(math.log10(max(sizes)) + 0.1))
    panels = [_panel(group, depths, ends, across) for group in shown]
    more = [_panel(group, depths, loss_range(_losses([group])), across) for group in folded]
    return Section(
        title="Loss over parameters",
        text="Every trial of the search: filled where it was trained to the end, hollow where it "
        "was pruned, with the loss at that rung. The line is the least that a completed network "
        "of so many parameters reached.",
        panels=panels,
        folded=more,
        legend=[*_legend(depths, [*panels, *more])],
    )


def _trials(group: Group) -> Iterator[TrialRow]:
    return (row for outcome in group for row in outcome.trials)


def _sizes(groups: Sequence[Group]) -> set[int]:
    return {row.parameters for group in groups for row in _trials(group)}


def _losses(groups: Sequence[Group]) -> list[float]:
    outcomes = [outcome for group in groups for outcome in group]
    rows = [row for each in outcomes for row in (*each.trials, *each.replicates)]
    return [row.nmse for row in rows if row.nmse is not None]


def _panel(
    group: Group,
    depths: Mapping[int, int],
    ends: tuple[float, float],
    across: tuple[float, float],
) -> Panel:
    completed = [row for row in _trials(group) if row.status == "completed"]
    pruned = [row for row in _trials(group) if row.status == "pruned"]
    traces = [_points(pruned, depths, "circle-open"), _points(completed, depths, "circle")]
    traces += [_steps(completed), *_by_hand(group)]
    traces += [_replicates(outcome.label, outcome.replicates) for outcome in group]
    lowest = min((row.nmse for row in completed if row.nmse is not None), default=None)
    axis = {"type": "log", "title": {"text": "parameters"}, "dtick": 1, "range": [*across]}
    return Panel(
        title=task_title(group),
        traces=[trace for trace in traces if trace["x"]],
        layout={"xaxis": axis, "yaxis": loss_axis(ends), "shapes": [MEAN_PREDICTOR]},
        alt=f"{task_title(group)}: nmse over parameters, {len(completed)} completed trials and "
        f"{len(pruned)} pruned ones; the lowest completed has {loss_text(lowest)}",
    )


def _points(rows: Sequence[TrialRow], depths: Mapping[int, int], symbol: str) -> Json:
    known = [(row, row.nmse) for row in rows if row.nmse is not None]
    return trial_points(
        [row.trial for row, _ in known],
        [row.parameters for row, _ in known],
        [drawn(nmse) for _, nmse in known],
        [_layers(row) for row, _ in known],
        {"symbol": symbol, "color": [depths[depth_of(row)] for row, _ in known]},
    )


def _layers(row: TrialRow) -> str:
    layer_sizes = row.column("layer_sizes")
    return "dot product" if layer_sizes is None else short_layers(layer_sizes or LINEAR)


def _steps(completed: Sequence[TrialRow]) -> Json:
    """The least that a network of at most so many parameters reached."""
    best: dict[int, float] = {}
    for row in sorted(completed, key=lambda row: row.parameters):
        if row.nmse is not None and row.nmse < min(best.values(), default=math.inf):
            best[row.parameters] = row.nmse
    line = {"color": INK, "width": 1.5, "shape": "hv"}
    heights = [drawn(nmse) for nmse in best.values()]
    points: Json = {"x": [*best], "y": heights, "line": line}
    return {"type": "scatter", "mode": "lines", **points, "hoverinfo": "skip"}


def _by_hand(group: Group) -> Iterator[Json]:
    most = max(_sizes([group]))
    whole = by_hand_line(_trials(group), most)
    line = [(size, nmse) for size, nmse in whole if not is_exact(nmse)]
    yield {
        **{"type": "scatter", "mode": "lines", "hoverinfo": "text", "meta": "by hand"},
        "x": [size for size, _ in line],
        "y": [drawn(nmse) for _, nmse in line],
        "text": [f"by hand, {size:,} parameters: {loss_text(nmse)}" for size, nmse in line],
        "line": {"color": BY_HAND, "width": 2, "dash": "dash"},
    }


def _replicates(label: str, rows: Sequence[TrialRow]) -> Json:
    known = [(row, row.nmse) for row in rows if row.nmse is not None]
    return {
        **{"type": "scatter", "mode": "markers", "hoverinfo": "text", "meta": "replicates"},
        "x": [row.parameters for row, _ in known],
        "y": [drawn(nmse) for _, nmse in known],
        "text": [
            f"{plain(label)}, replicate {row.replicate}: {loss_text(nmse)}" for row, nmse in known
        ],
        "marker": {"symbol": "x-thin", "size": 8, "line": {"color": WINNER, "width": 2}},
    }


def _legend(depths: Mapping[int, int], panels: Sequence[Panel]) -> Iterator[Key]:
    if len(depths) <= len(LEVELS):
        for depth, level in depths.items():
            yield Key(mark="filled", colour=LEVELS[level], text=depth_text(depth))
    else:
        yield Key(mark="scale", text=f"{min(depths)} to {max(depths)} hidden layers")
    shown = {trace.get("meta") for panel in panels for trace in panel.traces}
    if "replicates" in shown:
        yield Key(mark="cross", colour=WINNER, text="confirm replicates")
    if "by hand" in shown:
        yield Key(mark="dashed", colour=BY_HAND, text="weights set by hand")
