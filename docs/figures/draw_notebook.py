"""Draw what became of every start of the notebook's architectures.

    pip install matplotlib
    python docs/figures/draw_notebook.py runs/notebook runs/notebook-widest docs/images/notebook.png

Needs the searches' output folders, pandas, pyarrow and matplotlib, nothing of dottune.
"""

import re
import sys
from itertools import groupby

import pandas
from matplotlib import pyplot

COLOURS = {1: "#0072b2", 2: "#d55e00", 4: "#009e73"}
"""Of the dimensions; Okabe and Ito's, which the colour-blind tell apart."""
PANELS = {False: "inputs [a, b]", True: "inputs [a, b, a·b]"}
EXACT = 1e-4
"""Losses below are drawn here: the linear network's, which is exact with the products."""
LEARNED = 0.9


def main(uris: list[str], image: str) -> None:
    """Read the trials of each of `uris`, write the image."""
    tables = [pandas.read_parquet(f"{uri}/trials") for uri in uris]
    trials = pandas.concat(tables, ignore_index=True).query("phase == 'search'")
    names = trials["study"].map(lambda study: re.search("layer_sizes=([^,]+)", study)[1])
    order = list(dict.fromkeys(names))[::-1]
    figure, panels = pyplot.subplots(
        1, 2, figsize=(9, 4.6), layout="constrained", sharex=True, sharey=True
    )
    for axes, (multiplication, title) in zip(panels, PANELS.items(), strict=True):
        axes.axvspan(LEARNED, 1.6, color="#e5e7eb", zorder=0)
        for place, (dimension, colour) in enumerate(COLOURS.items()):
            chosen = (trials["multiplication"] == multiplication) & (
                trials["dimension"] == dimension
            )
            heights = names[chosen].map(order.index) + 0.25 * (1 - place)
            nmse = trials.loc[chosen, "nmse"].clip(EXACT, 1.2)
            axes.scatter(
                nmse, heights, facecolors="none", edgecolors=colour, s=16, label=f"d = {dimension}"
            )
        axes.set(xscale="log", title=title, xlabel="nmse on fresh pairs")
        axes.set_yticks(range(len(order)), [short(name) for name in order])
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].annotate(
        "learned nothing", (1.2, len(order) - 0.35), ha="center", size=7, color="#6b7280"
    )
    panels[0].legend(frameon=False, loc="lower left")
    figure.savefig(image, dpi=150)


def short(layer_sizes: str) -> str:
    """The layers, of many equal ones in a row their number."""
    runs = [(units, len(list(run))) for units, run in groupby(layer_sizes.split("-"))]
    return ", ".join(
        f"{units} ({count} times)" if count > 2 else ", ".join([units] * count)
        for units, count in runs
    )


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(f"usage: {sys.argv[0]} OUTPUT_FOLDER ... IMAGE")
    main(sys.argv[1:-1], sys.argv[-1])
