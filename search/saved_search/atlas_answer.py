"""What a search and weights set by hand tell of an nmse at a dimension, for both inputs."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow

from .known_networks import (
    Asked,
    KnownNetwork,
    best_trained,
    dimensions_of,
    smallest_by_hand,
    smallest_trained,
)

_SCHEMA = pyarrow.schema(
    [
        ("dimension", pyarrow.int64()),
        ("multiplication", pyarrow.bool_()),
        ("how", pyarrow.string()),
        ("layer_sizes", pyarrow.string()),
        ("parameters", pyarrow.int64()),
        ("nmse", pyarrow.float64()),
        ("replicates", pyarrow.int64()),
        ("study", pyarrow.string()),
        ("trial", pyarrow.int64()),
        ("initialisation", pyarrow.string()),
        ("learning_rate", pyarrow.float64()),
        ("steps", pyarrow.int64()),
        ("batch_size", pyarrow.int64()),
        ("flops", pyarrow.float64()),
    ]
)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What is known for one input."""

    asked: Asked
    trained: KnownNetwork | None
    """The smallest that reaches it; None: none does."""
    best: KnownNetwork | None
    """The trained one with the lowest nmse; None: nothing was trained there."""
    by_hand: KnownNetwork | None
    """The smallest that reaches it; None: none does."""
    dimensions: Sequence[int]
    """Those at which something was trained with that input."""


@dataclass(frozen=True, kw_only=True)
class AtlasAnswer:
    """Without the product as an input and with it."""

    uri: str
    """The search's folder."""
    answers: Sequence[Answer]


def atlas_answer(uri: str, trials: pyarrow.Table, dimension: int, nmse: float) -> AtlasAnswer:
    """Look it up in `trials`, the table of the search at `uri`, and in the constructions."""
    both = [Asked(dimension=dimension, multiplication=given, nmse=nmse) for given in (False, True)]
    return AtlasAnswer(
        uri=uri,
        answers=[
            Answer(
                asked=asked,
                trained=smallest_trained(trials, asked),
                best=best_trained(trials, asked),
                by_hand=smallest_by_hand(asked),
                dimensions=dimensions_of(trials, multiplication=asked.multiplication),
            )
            for asked in both
        ],
    )


def table_of_answer(answer: AtlasAnswer) -> pyarrow.Table:
    """Return a row for each network that reaches it; what doesn't apply by hand is null."""
    rows = [
        {
            **{name: (network.row or {}).get(name) for name in _SCHEMA.names},
            "dimension": each.asked.dimension,
            "multiplication": each.asked.multiplication,
            "how": network.how,
            "layer_sizes": network.layer_sizes,
            "parameters": network.parameters,
            "nmse": network.nmse,
            "replicates": network.replicates,
        }
        for each in answer.answers
        for network in (each.trained, each.by_hand)
        if network is not None
    ]
    return pyarrow.Table.from_pylist(rows, schema=_SCHEMA)
