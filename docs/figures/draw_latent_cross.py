"""Draw what Pearson's R of one hidden layer lacks to 1, over its width, for tensors of two ranks.

    pip install matplotlib
    python docs/figures/draw_latent_cross.py runs/latent-cross docs/images/latent-cross.png

Needs the search's output folder, pandas, pyarrow and matplotlib, nothing of dottune.
"""

import sys

import pandas
from matplotlib import pyplot

COLOURS = ("#0072b2", "#d55e00")
"""Of the ranks; Okabe and Ito's, which the colour-blind tell apart."""


def main(uri: str, image: str) -> None:
    """Read `uri`/trials, write the image."""
    trials = pandas.read_parquet(f"{uri}/trials")
    repeats = trials[trials["phase"] == "confirm"].copy()
    # Predictions that are all alike have no R, and tell nothing of the labels: they stand at 1.
    repeats["lacking"] = 1 - repeats["pearson_r"].fillna(0)
    figure, axes = pyplot.subplots(figsize=(6, 3.6), layout="constrained")
    for colour, (rank, rows) in zip(COLOURS, repeats.groupby("dimension"), strict=True):
        axes.scatter(
            rows["width"], rows["lacking"], facecolors="none", edgecolors=colour, s=18, linewidth=1
        )
        median = rows.groupby("width")["lacking"].median()
        axes.plot(median.index, median, color=colour, label=f"rank {rank}")
    axes.set(
        xscale="log", yscale="log", xlabel="units of the hidden layer", ylabel="1 - Pearson's R"
    )
    axes.set_xticks(widths := sorted(repeats["width"].unique()), map(str, widths))
    axes.minorticks_off()
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    figure.savefig(image, dpi=150)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(f"usage: {sys.argv[0]} OUTPUT_FOLDER IMAGE")
    main(sys.argv[1], sys.argv[2])
