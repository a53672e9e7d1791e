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
    "neumf": ("both (neumf)", "#cc79a7"),
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
    floor = replicates.groupby("users").apply(_floor, include_groups=False)
    axes.plot(floor.index, floor, color="black", linestyle=":", label="least squares")
    axes.set(xscale="log", yscale="log", xlabel="users", ylabel="nmse of the true dot products")
    axes.set_xticks(users := sorted(replicates["users"].unique()), [f"{n:,}" for n in users])
    axes.set_yticks(ticks := [0.02, 0.05, 0.1, 0.2, 0.5], map(str, ticks))
    axes.minorticks_off()
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    figure.savefig(image, dpi=150)


def _floor(rows: pandas.DataFrame) -> float:
    """The nmse of least squares: of a user's numbers where the items' are known, and vice versa.

    With D normal numbers, n ratings and noise of variance s^2 it leaves s^2 D / (n - D - 1).
    """
    task = rows.iloc[0]
    dimension, noise = task["dimension"], task["label_noise_std"] ** 2
    ratings = task["pairs"] / task["items"], task["pairs"] / int(rows.name)
    return sum(noise * dimension / (each - dimension - 1) for each in ratings)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(f"usage: {sys.argv[0]} OUTPUT_FOLDER IMAGE")
    main(sys.argv[1], sys.argv[2])
