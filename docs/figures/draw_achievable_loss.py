"""Draw the loss that a search reached over the dimension, with and without multiplication.

    pip install matplotlib
    python docs/figures/draw_achievable_loss.py runs/quick docs/images/achievable-loss.png

Needs the search's output folder, pandas, pyarrow and matplotlib, nothing of dottune.
"""

import sys

import pandas
from matplotlib import pyplot

LINES = {False: ("inputs [a, b]", "#c2410c"), True: ("inputs [a, b, a·b]", "#1d4ed8")}
EXACT = 1e-12
"""Below this a float32 network is as exact as it gets; drawn on this line."""


def main(uri: str, image: str) -> None:
    """Read `uri`/summary.parquet, write the image."""
    summary = pandas.read_parquet(f"{uri}/summary.parquet").sort_values("dimension")
    figure, axes = pyplot.subplots(figsize=(7, 3.6), layout="constrained")
    axes.axhline(1, color="#6b7280", linewidth=1, linestyle=":")
    axes.annotate("the mean predictor", (1, 1), (0, -12), textcoords="offset points", size=9)
    for multiplication, rows in summary.groupby("multiplication"):
        label, colour = LINES[bool(multiplication)]
        nmse, low, high = (rows[name].clip(EXACT) for name in ("nmse", "nmse_min", "nmse_max"))
        axes.errorbar(
            rows["dimension"],
            nmse,
            yerr=[nmse - low, high - nmse],
            color=colour,
            marker="o",
            capsize=3,
            label=label,
        )
        if not multiplication:
            axes.plot(
                rows["dimension"],
                rows["constructed_nmse"],
                color="#15803d",
                marker="_",
                markersize=12,
                linestyle="--",
                linewidth=1,
                label="inputs [a, b], the same network\nwith weights set by hand",
            )
        architecture = [
            "linear" if row.depth == 0 else f"{row.depth} x {row.width}"
            for row in rows.itertuples()
        ]
        for dimension, height, text in zip(rows["dimension"], nmse, architecture, strict=True):
            axes.annotate(
                text,
                (dimension, height),
                (0, 7),
                textcoords="offset points",
                ha="center",
                size=8,
                color=colour,
            )
    axes.set(
        xscale="log",
        yscale="log",
        ylim=(EXACT / 8, 8),
        xlabel="dimension of the two vectors",
        ylabel="nmse (median, range)",
    )
    axes.set_xticks(dimensions := sorted(summary["dimension"].unique()), map(str, dimensions))
    axes.minorticks_off()
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(0.02, 0.46), fontsize=8)
    figure.savefig(image, dpi=150)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(f"usage: {sys.argv[0]} OUTPUT_FOLDER IMAGE")
    main(sys.argv[1], sys.argv[2])
