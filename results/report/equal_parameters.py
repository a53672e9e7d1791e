"""Deep against shallow, at equal numbers of parameters."""

from collections.abc import Iterator, Mapping, Sequence

from .by_task import Group, by_task, chosen_groups, task_title
from .figure import (
    LEVELS,
    MEAN_PREDICTOR,
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
)
from .findings import Findings
from .first_rung import Judged, first_rung
from .loss_text import loss_text

_MOST_DEPTHS = 8

Lowest = Mapping[int, Mapping[int, float]]
"""Depth to the octaves of the parameters (by their lowest number) to the lowest nmse."""


def equal_parameters(findings: Findings) -> Section | None:
    """A panel for each task; None where the depth is fixed, or there are many depths."""
    groups = [group for group in by_task(findings.outcomes) if len(_depths(group)) > 1]
    if not groups or max(len(_depths(group)) for group in groups) > _MOST_DEPTHS:
        return None
    in_grid = all(len(_depths([outcome])) == 1 for group in groups for outcome in group)
    lowest = {id(group): _lowest(group, at_end=in_grid) for group in groups}
    shown, folded = chosen_groups(groups)
    ends = loss_range([nmse for group in shown for nmse in _losses(lowest[id(group)])])
    levels = levels_of(depth for group in groups for depth in _depths(group))
    colours = {depth: LEVELS[level] for depth, level in levels.items()}
    return Section(
        title="Deep against shallow at equal parameters",
        text=f"The lowest nmse {'of the completed trials' if in_grid else 'at the first rung'} of "
        "each depth, among networks whose numbers of parameters lie in the same octave. Where "
        "lines cross or touch, no difference is shown.",
        panels=[_panel(group, lowest[id(group)], colours, ends) for group in shown],
        folded=[_panel(group, lowest[id(group)], colours, None) for group in folded],
        legend=[
            Key(mark="line", colour=colour, text=depth_text(depth))
            for depth, colour in colours.items()
        ],
    )


def _depths(group: Group) -> set[int]:
    return {depth_of(row) for outcome in group for row in outcome.trials}


def _losses(lowest: Lowest) -> list[float]:
    return [nmse for by_octave in lowest.values() for nmse in by_octave.values()]


def _lowest(group: Group, *, at_end: bool) -> Lowest:
    found: dict[int, dict[int, float]] = {}
    for each in _judged(group, at_end=at_end):
        octave = 1 << (each.trial.parameters.bit_length() - 1)
        by_octave = found.setdefault(depth_of(each.trial), {})
        by_octave[octave] = min(by_octave.get(octave, each.nmse), each.nmse)
    return {depth: dict(sorted(found[depth].items())) for depth in sorted(found)}


def _judged(group: Group, *, at_end: bool) -> Iterator[Judged]:
    """All trials at the first rung; the completed ones where each depth has its own study."""
    for outcome in group:
        if not at_end:
            yield from first_rung(outcome).judged
            continue
        for row in outcome.trials:
            if row.status == "completed" and row.nmse is not None:
                yield Judged(trial=row, nmse=row.nmse)


def _panel(
    group: Group,
    lowest: Lowest,
    colours: Mapping[int, str],
    ends: tuple[float, float] | None,
) -> Panel:
    title = task_title(group)
    axis = {"type": "log", "title": {"text": "parameters, from"}, "dtick": 1}
    return Panel(
        title=title,
        traces=[_line(depth, by_octave, colours[depth]) for depth, by_octave in lowest.items()],
        layout={
            "xaxis": axis,
            "yaxis": loss_axis(ends or loss_range(_losses(lowest))),
            "shapes": [MEAN_PREDICTOR],
        },
        alt=f"{title}: the lowest nmse over parameters, a line for each of {len(lowest)} depths",
    )


def _line(depth: int, by_octave: Mapping[int, float], colour: str) -> Json:
    octaves: Sequence[int] = [*by_octave]
    return {
        **{"type": "scatter", "mode": "lines+markers", "hoverinfo": "text"},
        "x": octaves,
        "y": [drawn(nmse) for nmse in by_octave.values()],
        "text": [
            f"depth {depth}, {octave:,} to {2 * octave - 1:,}: {loss_text(nmse)}"
            for octave, nmse in by_octave.items()
        ],
        **{"line": {"color": colour, "width": 1.5}, "marker": {"color": colour, "size": 6}},
    }
