"""What accompanies a search can fail, and the search goes on."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Self

from ray.tune import Callback

from .forgiving import FORGIVEN, Guard


class View(Callback):
    """Shows a search while Tune runs it, for the length of a `with` block. In the driver only."""

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune stores its callbacks, and terminals, gauges and files can't be stored."""
        return {}

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *error: object) -> None:
        """End, however the search went; also where beginning failed half-way."""


class Guarded(View):
    """A view, made and called by Tune through a guard: its errors never reach the search."""

    def __init__(self, subject: str, make: Callable[[], View]) -> None:
        """Name the view as messages are to name it; it is made by `make` when the block begins."""
        self._guard, self._make = Guard(subject), make
        self._view: View | None = None

    def __enter__(self) -> Self:
        """Make the view and begin."""
        self._guard.attempt(self._begin)
        self._end_if_given_up()
        return self

    def __exit__(self, *error: object) -> None:
        """End."""
        self._hand_on("__exit__", *error)

    def _begin(self) -> None:
        self._view = self._make()
        self._view.__enter__()

    def _hand_on(self, name: str, *arguments: object, **info: object) -> None:
        view = self._view
        if view is not None:
            self._guard.attempt(lambda: getattr(view, name)(*arguments, **info))
            self._end_if_given_up()

    def _end_if_given_up(self) -> None:
        """Let a view that failed put the terminal back and end its threads."""
        if self._guard.given_up and self._view is not None:
            view, self._view = self._view, None
            with suppress(*FORGIVEN):
                view.__exit__(None, None, None)


def _handed_on(name: str) -> Callable[..., None]:
    def call(self: Guarded, *arguments: object, **info: object) -> None:
        self._hand_on(name, *arguments, **info)

    call.__name__, call.__doc__ = name, f"Hand Tune's `{name}` on to the view."
    return call


for _name in [name for name in vars(Callback) if name.startswith("on_")]:
    setattr(Guarded, _name, _handed_on(_name))
