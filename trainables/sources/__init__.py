"""Sources: where a task's batches and its evaluation pairs come from."""

from collections.abc import Callable, Mapping

from spaces.extensions import WithExtensions

from ..pack import Task
from .fixed_sample import FixedSample
from .modes import FullTensor
from .planted import PlantedRatings
from .pool import PooledPairs
from .random_vectors import RandomVectors
from .rated_table import RatedTable
from .source import EvaluationPairs, NoisyPairs, Source, TrainingBatches

SOURCES: Mapping[str, Callable[[Task], Source]] = WithExtensions(
    "sources",
    {
        "stream": RandomVectors,
        "fixed": FixedSample,
        "pool": PooledPairs,
        "planted": PlantedRatings,
        "modes": FullTensor,
        "table": RatedTable,
    },
)
"""Every source by its name in the spec, the task's `data`."""


def source_of(task: Task) -> Source:
    """The source of the task's batches."""
    return SOURCES[task.data](task)


__all__ = [
    "SOURCES",
    "EvaluationPairs",
    "NoisyPairs",
    "Source",
    "TrainingBatches",
    "source_of",
]
