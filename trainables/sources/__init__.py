"""Sources: where a task's batches and its evaluation pairs come from."""

from collections.abc import Callable, Mapping

from spaces.extensions import WithExtensions

from ..pack import Task
from .fixed_sample import FixedSample
from .modes import FullTensor
from .planted import PlantedRatings
from .pool import PooledPairs
from .random_vectors import RandomVectors
from .source import EvaluationPairs, NoisyPairs, RatedSource, Source, TrainingBatches


def _rated_table(task: Task) -> Source:
    # Tables are read by Arrow, which the engine needs for nothing else.
    from .rated_table import RatedTable

    return RatedTable(task)


SOURCES: Mapping[str, Callable[[Task], Source]] = WithExtensions(
    "sources",
    {
        "stream": RandomVectors,
        "fixed": FixedSample,
        "pool": PooledPairs,
        "planted": PlantedRatings,
        "modes": FullTensor,
        "table": _rated_table,
    },
)
"""Every source by its name in the spec, the task's `data`."""


def source_of(task: Task) -> Source:
    """The source of the task's batches."""
    return SOURCES[task.data](task)


def label_origin(task: Task) -> float:
    """What its labels are counted from: of a user's own ratings their mean, else 0."""
    source = source_of(task)
    return source.mean() if isinstance(source, RatedSource) else 0.0


__all__ = [
    "SOURCES",
    "EvaluationPairs",
    "NoisyPairs",
    "Source",
    "TrainingBatches",
    "label_origin",
    "source_of",
]
