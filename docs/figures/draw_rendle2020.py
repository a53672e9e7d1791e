"""Draw how far MLPs stay from the dot product of embeddings, over the number of users.

    pip install matplotlib
    python docs/figures/draw_rendle2020.py runs/rendle2020-d16 docs/images/rendle2020-d16.png

Needs the search's output folder, pandas, pyarrow and matplotlib, nothing of dottune.
"""

import sys

import pandas
from matplotlib import pyplot

COLOURS = ("#0072b2", "#d55e00", "#009e73")
"""Of the sizes, the smallest first; Okabe and Ito's, which the colour-blind tell apart."""
SETS = {
    "rmse_excess_test": "test pairs of the pool",
    "rmse_excess_fresh": "pairs of new embeddings",
}


def main(uri: str, image: str) -> None:
    """Read `uri`/trials, write the image."""
    trials = pandas.read_parquet(f"{uri}/trials")
    sizes = trials.groupby("layer_sizes")["parameters"].first().sort_values().index
    figure, panels = pyplot.subplots(
        1, 2, figsize=(8, 3.6), layout="constrained", sharex=True, sharey=True
    )
    for axes, (column, title) in zip(panels, SETS.items(), strict=True):
        for colour, size in zip(COLOURS, sizes, strict=True):
            rows = trials[trials["layer_sizes"] == size].sort_values("users")
            axes.scatter(
                rows["users"], rows[column], facecolors="none", edgecolors=colour, s=18, linewidth=1
            )
            mean = rows.groupby("users")[column].mean()
            axes.plot(mean.index, mean, color=colour, label=size.replace("-", ", "))
        axes.set(xscale="log", yscale="log", title=title, xlabel="users, and items")
        axes.set_xticks(users := sorted(trials["users"].unique()), [f"{n // 1000}k" for n in users])
        axes.set_yticks(ticks := [0.005, 0.01, 0.02, 0.05], map(str, ticks))
        axes.minorticks_off()
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("RMSE above that of the dot product")
    panels[1].legend(frameon=False, title="hidden layers")
    figure.savefig(image, dpi=150)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(f"usage: {sys.argv[0]} OUTPUT_FOLDER IMAGE")
    main(sys.argv[1], sys.argv[2])
