"""What a worker does: sources, families, optimisers, engines, training, and one Ray adapter."""

from typing import TYPE_CHECKING, Any

from .pack import EarlyStopping, Halving, Member, Pack, PackKey, Task

if TYPE_CHECKING:
    from .training import Evaluation, Report, train

__all__ = [
    "EarlyStopping",
    "Evaluation",
    "Halving",
    "Member",
    "Pack",
    "PackKey",
    "Report",
    "Task",
    "train",
]


def __getattr__(name: str) -> Any:
    """Import training when it is first used: who only plans packs doesn't wait for torch."""
    if name in __all__:
        from . import training

        return getattr(training, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *__all__]
