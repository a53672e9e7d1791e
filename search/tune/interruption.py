"""Leaving a search at once on SIGINT or SIGTERM, with what has finished on disk."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from ray.tune import Callback

from cluster.signals import Signals


class Interrupted(BaseException):
    """The user stopped the search. Not an Exception, so that Tune lets it through."""


class InterruptionFlag(Callback):
    """Raises `Interrupted` in Tune's loop once a signal has come.

    Tune's own handler takes ten seconds and throws results away; Ray's ends the process. Both are
    replaced while `listening`, in the main thread only. In a command a second signal ends the
    process (`Signals`).
    """

    def __init__(self) -> None:
        """No signal has come."""
        self.raised = False
        self._command: Signals | None = None

    def raise_soon(self) -> None:
        """Raise in Tune's loop, for another reason than a signal."""
        self.raised = True

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take SIGINT and SIGTERM for the length of the block."""
        try:
            previous = {
                number: signal.signal(number, self._take)
                for number in (signal.SIGINT, signal.SIGTERM)
            }
        except ValueError:  # not the main thread: signals are somebody else's
            yield
            return
        of_command = previous[signal.SIGINT]
        self._command = of_command if isinstance(of_command, Signals) else None
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _take(self, number: int, frame: FrameType | None) -> None:
        if self._command is not None:
            self._command.first()
        self.raise_soon()

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        """Called by Tune after every turn of its loop, several times a second."""
        if self.raised:
            raise Interrupted
