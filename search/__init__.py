"""The composition root: suggestions, the runner on Ray Tune, and the command line."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .runner import SearchInterrupted, SearchResult, resume_search, run_search

__all__ = ["SearchInterrupted", "SearchResult", "resume_search", "run_search"]


def __getattr__(name: str) -> Any:
    """Import the runner when it is asked for: it takes a second that `dottune --help` spares."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import runner

    return getattr(runner, name)
