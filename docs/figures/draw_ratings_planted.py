"""Draw how near a dot product and an MLP of learned embeddings come to planted ratings.

    pip install matplotlib
    python docs/figures/draw_ratings_planted.py runs/ratings-planted docs/images/ratings-planted.png

Needs the search's output folder, pandas, pyarrow and matplotlib, nothing of dottune.
"""

import sys

import pandas
from matplotlib import pyplot

MODELS = {
    "dot": ("dot product", "#0072b2"),
    "dot_bias": ("dot product and biases", "#009e73"),
    "mlp": ("MLP", "#d55e00"),
}
"""Their names, and colours of Okabe and Ito's, which the colour-blind tell apart."""


def main(uri: str, image: str) -> None:
    """Read `uri`/trials, write the image."""
    trials = pandas.read_parquet(f"{uri}/trials")
    replicates = trials[trials["phase"] == "confirm"]
    figure, axes = pyplot.subplots(figsize=(5.4, 3.6), layout="constrained")
    for model, (name, colour) in MODELS.items():
        rows = replicates[replicates["model"] == model]
        axes.scatter(
            rows["users"], rows["nmse"], facecolors="none", edgecolors=colour, s=18, linewidth=1
        )
        median = rows.groupby("users")["nmse"].median()
        axes.plot(median.index, median, color=colour, label=name)
    axes.set(xscale="log", yscale="log", xlabel="users", ylabel="nmse of the true dot products")
    axes.set_xticks(users := sorted(replicates["users"].unique()), [f"{n:,}" for n in users])
    axes.minorticks_off()
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    figure.savefig(image, dpi=150)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(f"usage: {sys.argv[0]} OUTPUT_FOLDER IMAGE")
    main(sys.argv[1], sys.argv[2])
