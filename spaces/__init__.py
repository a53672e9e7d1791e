"""The spec of a search: its vocabulary, its models, its presets and its studies.

A name is imported when it is first used: the vocabulary alone, which workers need too, takes
neither pydantic nor PyYAML.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .domains import Choices, FloatRange, IntRange
    from .faults import SpecError
    from .loading import load_spec, preset_names, preset_text
    from .spec import Budget, Confirm, EarlyStopping, Halving, Resources, Spec, Task
    from .spec_schema import json_schema
    from .study import Study, studies

__all__ = [
    "Budget",
    "Choices",
    "Confirm",
    "EarlyStopping",
    "FloatRange",
    "Halving",
    "IntRange",
    "Resources",
    "Spec",
    "SpecError",
    "Study",
    "Task",
    "json_schema",
    "load_spec",
    "preset_names",
    "preset_text",
    "studies",
]

_MODULES = {
    "domains": ("Choices", "FloatRange", "IntRange"),
    "faults": ("SpecError",),
    "spec_schema": ("json_schema",),
    "loading": ("load_spec", "preset_names", "preset_text"),
    "spec": ("Budget", "Confirm", "EarlyStopping", "Halving", "Resources", "Spec", "Task"),
    "study": ("Study", "studies"),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import a name from the module that it lives in."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
