"""The spec of a search: its models, its hyperparameters, its presets and its studies."""

from .domains import Choices, FloatRange, IntRange
from .faults import SpecError
from .loading import load_spec, preset_names, preset_text
from .spec import Budget, Confirm, Halving, Resources, Spec, Task
from .study import Study, studies

__all__ = [
    "Budget",
    "Choices",
    "Confirm",
    "FloatRange",
    "Halving",
    "IntRange",
    "Resources",
    "Spec",
    "SpecError",
    "Study",
    "Task",
    "load_spec",
    "preset_names",
    "preset_text",
    "studies",
]
