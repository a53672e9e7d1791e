"""Dottune from Python: run a search, resume one, load a study.

>>> from search import run_search
>>> result = run_search("quick", out="runs/quick")  # doctest: +SKIP
>>> result.summary  # doctest: +SKIP

(In the project's own terms: the composition root of suggestions, runner and command line.)
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .runner import SearchInterrupted, SearchResult, resume_search, run_search
    from .saved_search.loaded_study import load_study

__all__ = [
    "SearchInterrupted",
    "SearchResult",
    "load_study",
    "resume_search",
    "run_search",
]


def __getattr__(name: str) -> Any:
    """Import a name when it is first used: `dottune --help` needs neither pandas nor Optuna."""
    if name == "load_study":
        from .saved_search.loaded_study import load_study

        return load_study
    if name in __all__:
        from . import runner

        return getattr(runner, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *__all__]
