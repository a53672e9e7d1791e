"""What is known of the networks that reach an nmse, in words."""

import math
import shlex
from collections.abc import Iterator

from ..saved_search.atlas_answer import Answer, AtlasAnswer
from ..saved_search.known_networks import MOST_DEPTH, MOST_WIDTH, KnownNetwork
from ..text.counted import counted
from ..text.flops_text import flops_text
from ..text.network_text import network_text
from ..text.number_notation import nmse_notation

_STARTS = {
    "constructed": "weights whose first layer was set by hand",
    "folded": "weights set by hand",
}
"""Of `initialisation`; the others are random."""


def atlas_lines(answer: AtlasAnswer) -> Iterator[str]:
    """A paragraph for each input: the smallest trained network, and the smallest by hand."""
    for each in answer.answers:
        given = "with" if each.asked.multiplication else "without"
        yield f"d = {each.asked.dimension}, {given} the product as an input, nmse at most " + (
            f"{each.asked.nmse:g}:"
        )
        first, *rest = _trained(answer, each)
        yield f"  trained  {first}"
        yield from (f"           {line}" for line in rest)
        yield f"  by hand  {_by_hand(each)}"


def _trained(answer: AtlasAnswer, each: Answer) -> Iterator[str]:
    """The network, how it was trained and what that cost, and how to have it."""
    dimension = each.asked.dimension
    if each.best is None:
        known = ", ".join(map(str, each.dimensions)) or "none"
        yield f"nothing was trained here (dimensions: {known}); search it:"
        yield f"dottune run achievable-loss --set grid.dimension=[{dimension}]"
        return
    if each.trained is None:
        yield f"none of its networks reaches that; the lowest is {_network(each.best)}"
        found = each.best
    else:
        yield _network(each.trained)
        found = each.trained
    row = found.row
    assert row is not None  # of a trained network
    start = _STARTS.get(row["initialisation"], "random weights")
    yield (
        f"from {start}, learning rate {row['learning_rate']:.2g}, {row['steps']:,} steps of "
        f"{row['batch_size']} pairs: {_work(row['flops'])}"
    )
    study = shlex.quote(row["study"])
    yield f"dottune reproduce {shlex.quote(answer.uri)} --study {study} --trial {row['trial']}"


def _by_hand(each: Answer) -> str:
    if each.by_hand is None:
        return (
            f"no network of up to {MOST_DEPTH} layers of up to {MOST_WIDTH} units is known to "
            "reach that"
        )
    return f"{_network(each.by_hand)}, without training"


def _network(network: KnownNetwork) -> str:
    """Its layers, its size and its nmse, with what that was measured from."""
    text = f"{network_text(network.layer_sizes)}, {network.parameters:,} parameters: "
    text += nmse_notation([network.nmse])(network.nmse) if network.nmse < math.inf else "diverged"
    if network.how == "by hand":
        return text
    if network.replicates:
        return f"{text} (median of {counted(network.replicates, 'replicate')})"
    return f"{text} (measured once)"


def _work(flops: float | None) -> str:
    """The arithmetic of its training; rows of older tables don't say it."""
    return "of unknown cost" if flops is None else f"{flops_text(flops)} of training"
