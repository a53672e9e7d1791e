"""A picture of a study: the lowest nmse that each depth and width reached."""

import io
import logging
import math
from collections.abc import Mapping, Sequence

import pyarrow as pa

from .exact_nmse import EXACT_NMSE

Cells = Mapping[tuple[int, int], tuple[bool, float]]
"""(Depth, octave of the width) to the lowest nmse, and whether it is one at a rung."""

_COLUMNS = ("phase", "depth", "width", "status", "nmse")
_MOST_DEPTHS = 16
"""More depths than these are drawn in octaves, as widths are."""
_CELL_INCHES = (0.95, 0.42)
_MARGIN_INCHES = (1.2, 1.15)
_DOTS_PER_INCH = 100


class LossFigure:
    """The lowest nmse that each depth and width (in octaves) of one study reached.

    Depths that no trial has are left out; where there are more than 16, they are in octaves too.
    Where all trials of a cell were pruned, it shows, with a star, the lowest nmse at the rungs that
    they reached. At depth 0 there is no width: one cell stands for all.
    """

    def __init__(self) -> None:
        """No trial yet."""
        self._cells: dict[tuple[int, int], tuple[bool, float]] = {}

    def take(self, trials: pa.Table) -> None:
        """Take in rows of `TRIALS`; confirm replicates and diverged trials are left out."""
        columns = (trials[name].to_pylist() for name in _COLUMNS)
        for phase, depth, width, status, nmse in zip(*columns, strict=True):
            if nmse is not None and phase == "search" and depth is not None:
                cell = depth, _octave(width) if depth > 0 else 0
                found = status == "pruned", nmse
                self._cells[cell] = min(self._cells.get(cell, found), found)

    def draw(self, title: str) -> tuple[bytes, tuple[int, int]] | None:
        """Draw it, `title` as the first line: a PNG and its (width, height) in pixels.

        None without any trial.
        """
        if not self._cells:
            return None
        exact = len({depth for depth, _ in self._cells}) <= _MOST_DEPTHS
        cells: dict[tuple[int, int], tuple[bool, float]] = {}
        for (depth, octave), found in self._cells.items():
            cell = depth if exact else _octave_of_depth(depth), octave
            cells[cell] = min(cells.get(cell, found), found)
        depths = sorted({depth for depth, _ in cells})
        labels = [str(depth) if exact or depth == 0 else _span(depth) for depth in depths]
        return _drawn(cells, depths, labels, title)


def _octave(width: int) -> int:
    return int(math.log2(width))


def _octave_of_depth(depth: int) -> int:
    """0 for a linear network, then the lowest depth of the octave: 1, 2, 4, 8."""
    return 1 << (depth.bit_length() - 1) if depth > 0 else 0


def _span(lowest: int) -> str:
    return f"{lowest}" if lowest == 1 else f"{lowest} to {2 * lowest - 1}"


def _text(nmse: float) -> str:
    return "exact" if nmse <= EXACT_NMSE else f"{nmse:.2g}"


def _drawn(
    cells: Cells, depths: Sequence[int], labels: Sequence[str], title: str
) -> tuple[bytes, tuple[int, int]]:
    # Where there is no home to keep its fonts in, it makes do, and need not say so.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    # Imported for the first finished study: half a second.
    from matplotlib import colormaps
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.colors import LogNorm
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    octaves = [octave for depth, octave in cells if depth > 0] or [0]
    widths = range(min(octaves), max(octaves) + 1)
    across, up = len(depths), len(widths)
    inches = (
        max(across * _CELL_INCHES[0] + _MARGIN_INCHES[0], 3.2),
        up * _CELL_INCHES[1] + _MARGIN_INCHES[1],
    )
    figure = Figure(figsize=inches, dpi=_DOTS_PER_INCH, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_subplot(
        xlim=(0, across), ylim=(0, up), xlabel="depth", ylabel="width", facecolor="0.94"
    )
    # Words of others: a dollar sign is one.
    figure.suptitle(title, fontsize=11, parse_math=False)
    axes.set_title("lowest nmse (*: at a rung)", fontsize=8, color="0.35")
    axes.set_xticks([column + 0.5 for column in range(across)], labels)
    axes.set_yticks([row + 0.5 for row in range(up)], [_span(2**octave) for octave in widths])
    axes.tick_params(length=0, labelsize=8)
    axes.spines[:].set_visible(False)
    lowest = max(min(nmse for _, nmse in cells.values()), EXACT_NMSE)
    shade = LogNorm(lowest, max(1.0, 2 * lowest), clip=True)
    for (depth, octave), (pruned, nmse) in cells.items():
        column, row = depths.index(depth), octave - widths[0] if depth > 0 else 0
        height = 1 if depth > 0 else up
        colour = colormaps["viridis"](shade(max(nmse, EXACT_NMSE)))
        axes.add_patch(Rectangle((column, row), 1, height, facecolor=colour, edgecolor="white"))
        luminance = 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]
        axes.text(
            *(column + 0.5, row + height / 2, f"{_text(nmse)}{'*' if pruned else ''}"),
            ha="center",
            va="center",
            fontsize=9,
            color="black" if luminance > 0.5 else "white",
        )
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    width, height = canvas.get_width_height()
    return stream.getvalue(), (width, height)
