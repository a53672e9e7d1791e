"""What a search came to, as Markdown."""

from itertools import chain

import pyarrow

from ..text.network_text import network_text
from ..text.number_notation import nmse_notation
from ..text.study_label import study_label

_HEADINGS = ("study", "nmse", "min", "max", "by hand", "network")
_NUMBERS = ("nmse", "nmse_min", "nmse_max", "constructed_nmse")


def conclusion_markdown(summary: pyarrow.Table) -> str:
    """The table of a `SUMMARY`, a line for each study, and what its columns mean."""
    rows = summary.to_pylist()
    number = nmse_notation(chain.from_iterable((row[name] for name in _NUMBERS) for row in rows))
    lines = [" | ".join(_HEADINGS), " | ".join(["---"] + ["---:"] * (len(_HEADINGS) - 1))]
    for row in rows:
        nmse = [number(row[name]) for name in _NUMBERS]
        study, network = study_label(row["study"]), network_text(row["layer_sizes"])
        lines.append(" | ".join([f"`{study}`", *nmse, f"`{network}`"]))  # asterisks are no emphasis
    meaning = (
        "nmse: loss / variance of the labels (1: the mean predictor), the median of the confirm "
        "replicates and their range; by hand: what weights set by hand reach in a network of that "
        "size; network: hidden layers x units."
    )
    return "\n".join([*(f"| {line} |" for line in lines), "", meaning])
