"""A picture of a study: the lowest nmse that each depth and width reached."""

import io
import math
from collections.abc import Sequence
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont

from .rows import TrialRow

Colour = tuple[int, int, int]

_CELL = (92, 40)
_MARGIN = (110, 64)
_COLOURS: tuple[Colour, ...] = ((13, 78, 108), (38, 148, 128), (148, 199, 94), (250, 228, 140))
"""From the lowest nmse to the highest; also told apart in grey."""
_EMPTY: Colour = (240, 240, 240)
_MOST_DEPTHS = 16
"""More depths than these are drawn in octaves, as widths are."""


class _Shown(NamedTuple):
    """As much of a trial as the picture shows."""

    depth: int
    width: int
    pruned: bool
    nmse: float


def loss_figure(rows: Sequence[TrialRow], title: str) -> tuple[bytes, tuple[int, int]] | None:
    """Draw the lowest nmse that each depth and width (in octaves) reached.

    Depths that no trial has are left out; where there are more than 16, they are in octaves too.

    Args:
        rows: Rows of `TRIALS` of one study; confirm replicates and diverged trials are left out.
            Where all trials of a cell were pruned, it shows, with a star, the lowest nmse at the
            rungs that they reached. At depth 0 there is no width: one cell stands for all.
        title: The first line of the picture.

    Returns:
        A PNG and its (width, height) in pixels; None without any such trial.
    """
    shown = [
        _Shown(row.column("depth"), row.column("width"), row.status == "pruned", row.nmse)
        for row in rows
        if row.nmse is not None and row.phase == "search"
    ]
    if not shown:
        return None
    exact = len({trial.depth for trial in shown}) <= _MOST_DEPTHS
    columns = {
        trial.depth: trial.depth if exact else _octave_of_depth(trial.depth) for trial in shown
    }
    depths = sorted(set(columns.values()))
    labels = [str(depth) if exact or depth == 0 else _span(depth) for depth in depths]
    octaves = [_octave(trial.width) for trial in shown if trial.depth > 0] or [0]
    widths = list(range(min(octaves), max(octaves) + 1))
    best: dict[tuple[int, int], tuple[bool, float]] = {}
    for trial in shown:
        cell = (columns[trial.depth], _octave(trial.width) if trial.depth > 0 else 0)
        found = (trial.pruned, trial.nmse)
        best[cell] = min(best.get(cell, found), found)
    size = (_MARGIN[0] + _CELL[0] * len(depths) + 16, _MARGIN[1] + _CELL[1] * len(widths) + 48)
    image = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(image)
    _write_axes(draw, title, labels, widths, size)
    lowest = min(nmse for _, nmse in best.values())
    low, high = (math.log10(max(limit, 1e-16)) for limit in (lowest, 1.0))
    for column, depth in enumerate(depths):
        for octave in widths if depth > 0 else [0]:
            box = _box(column, widths, octave if depth > 0 else None)
            _draw_cell(draw, box, best.get((depth, octave)), low, max(high, low + 1e-9))
    stream = io.BytesIO()
    image.save(stream, format="PNG")
    return stream.getvalue(), size


def _octave(width: int) -> int:
    return int(math.log2(width))


def _octave_of_depth(depth: int) -> int:
    """0 for a linear network, then the lowest depth of the octave: 1, 2, 4, 8."""
    return 1 << (depth.bit_length() - 1) if depth > 0 else 0


def _span(lowest: int) -> str:
    return f"{lowest}" if lowest == 1 else f"{lowest} to {2 * lowest - 1}"


def _box(column: int, widths: Sequence[int], octave: int | None) -> tuple[int, int, int, int]:
    """The pixels of a cell, wide networks on top; octave None: the whole column."""
    left = _MARGIN[0] + _CELL[0] * column
    if octave is None:
        return left, _MARGIN[1], left + _CELL[0] - 2, _MARGIN[1] + _CELL[1] * len(widths) - 2
    top = _MARGIN[1] + _CELL[1] * (widths[-1] - octave)
    return left, top, left + _CELL[0] - 2, top + _CELL[1] - 2


def _write_axes(
    draw: ImageDraw.ImageDraw,
    title: str,
    depths: Sequence[str],
    widths: Sequence[int],
    size: tuple[int, int],
) -> None:
    large, small = ImageFont.load_default(16), ImageFont.load_default(13)
    draw.text((12, 10), title, "black", large)
    draw.text((12, 34), "lowest nmse (*: at a rung)", (90, 90, 90), small)
    for octave in widths:
        _, top, _, bottom = _box(0, widths, octave)
        middle = (top + bottom) // 2
        draw.text((_MARGIN[0] - 10, middle), _span(2**octave), "black", small, anchor="rm")
    draw.text((12, size[1] - 22), "width", (90, 90, 90), small)
    for column, depth in enumerate(depths):
        left, _, right, _ = _box(column, widths, None)
        draw.text(((left + right) // 2, size[1] - 36), depth, "black", small, anchor="mm")
    middle = _MARGIN[0] + _CELL[0] * len(depths) // 2
    draw.text((middle, size[1] - 14), "depth", (90, 90, 90), small, anchor="mm")


def _draw_cell(
    draw: ImageDraw.ImageDraw,
    box: tuple[int, int, int, int],
    found: tuple[bool, float] | None,
    low: float,
    high: float,
) -> None:
    if found is None:
        draw.rectangle(box, _EMPTY)
        return
    pruned, nmse = found
    share = (math.log10(max(nmse, 1e-16)) - low) / (high - low)
    colour = _colour(min(max(share, 0.0), 1.0))
    draw.rectangle(box, colour)
    bright = sum(colour) > 380
    centre = ((box[0] + box[2]) // 2, (box[1] + box[3]) // 2)
    text = f"{nmse:.2g}{'*' if pruned else ''}"
    draw.text(centre, text, "black" if bright else "white", ImageFont.load_default(14), anchor="mm")


def _colour(share: float) -> Colour:
    """The colour at `share` in [0, 1] of the scale."""
    position = share * (len(_COLOURS) - 1)
    index = min(int(position), len(_COLOURS) - 2)
    part = position - index
    red, green, blue = (
        round(first + (second - first) * part)
        for first, second in zip(_COLOURS[index], _COLOURS[index + 1], strict=True)
    )
    return red, green, blue
