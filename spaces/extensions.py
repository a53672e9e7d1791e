"""What other packages add to dottune: targets, distributions of inputs, sources of data, samplers.

A package that is installed beside it names them in its `pyproject.toml`, as entry points:

    [project.entry-points."dottune.targets"]
    distance = "my_package:distance"

Their names are known without importing that package; it is imported where one of them is used.
Imports nothing but the standard library. docs/extending.md has an example of each kind.
"""

import logging
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import Distribution, EntryPoint, distributions
from typing import Literal, TypeVar

Kind = Literal["targets", "inputs", "sources", "samplers"]

_Thing = TypeVar("_Thing")

logger = logging.getLogger(__name__)


def added_names(kind: Kind) -> tuple[str, ...]:
    """The names that other packages add, sorted."""
    return tuple(sorted(_added(kind)))


class WithExtensions(Mapping[str, _Thing]):
    """A table of dottune's own things, and after them what other packages add.

    Theirs are imported when they are asked for. A name that dottune has stays its own.

    Raises:
        KeyError: for a name that neither has, with the next step: a worker's node may lack a
            package that the driver has.
    """

    def __init__(self, kind: Kind, own: Mapping[str, _Thing]) -> None:
        """The table of one kind."""
        self._kind, self._own = kind, own

    def __getitem__(self, name: str) -> _Thing:
        """The thing itself."""
        if name in self._own:
            return self._own[name]
        added = _added(self._kind)
        if name not in added:
            raise KeyError(
                f"{self._kind} must have it: got {name!r}, which no package here adds; install the "
                f"one that does where this runs (entry points dottune.{self._kind})"
            )
        thing: _Thing = added[name].load()
        return thing

    def __iter__(self) -> Iterator[str]:
        """The names."""
        return iter({**self._own, **_added(self._kind)})

    def __len__(self) -> int:
        """How many there are."""
        return len({**self._own, **_added(self._kind)})


def _added(kind: Kind) -> Mapping[str, EntryPoint]:
    return _all().get(f"dottune.{kind}", {})


def _usable(entry: EntryPoint, distribution: Distribution) -> bool:
    """Whether a search can have that name; others would end amid the names of studies, say."""
    if re.fullmatch(r"[a-z0-9_.-]+", entry.name):
        return True
    logger.warning(
        "entry point %s of %s is left out: its name must be made of lower-case letters, digits, _, "
        "- and .; got %r",
        entry.group,
        distribution.name,
        entry.name,
    )
    return False


@cache
def _all() -> Mapping[str, Mapping[str, EntryPoint]]:
    """Ours by group and name, of every installed package once: reading them takes a while."""
    found: dict[str, dict[str, EntryPoint]] = {}
    for distribution in distributions():
        for entry in distribution.entry_points:
            # Of two installations of a package the one that is imported comes first.
            if entry.group.startswith("dottune.") and _usable(entry, distribution):
                found.setdefault(entry.group, {}).setdefault(entry.name, entry)
    return found
