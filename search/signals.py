"""What SIGINT and SIGTERM do to a command: the first ends it in order, the second at once."""

import atexit
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import FrameType

INTERRUPTED = 130
"""The exit code of a command that was interrupted."""
MOMENT_SECONDS = 0.1
"""Signals within it are one: `timeout` sends its own to the command, and again to its group."""
STDERR = 2
SHOWN_CURSOR = b"\x1b[?25h"
"""A live table hides it."""


class Signals:
    """The handler of both signals for the life of a command, not of a search in a library's use.

    The first raises KeyboardInterrupt, or is seen to by who has asked `first` about it. The second
    ends the process with exit code 130 and runs nothing more. Files are whole or not there, as they
    are moved to their places. Ray's processes, where this one has started them, end with it.
    """

    def __init__(self) -> None:
        """No signal has come."""
        self._came: float | None = None

    def install(self) -> None:
        """Take both signals from now on, to the process's end. In the main thread only."""
        _handle(self)
        # Called after all else that is registered: Python would take the handler away, so that a
        # signal in the last moments would change the exit code.
        atexit.register(_handle, signal.SIG_IGN)

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Called by Python when a signal has come."""
        if self.first():
            raise KeyboardInterrupt

    def first(self) -> bool:
        """Whether the signal that has just come is the first; for the second it doesn't return."""
        now = time.monotonic()
        if self._came is None:
            self._came = now
            return True
        if now - self._came >= MOMENT_SECONDS:
            text = b"left at once; `dottune resume` goes on with a search from what has finished\n"
            if os.isatty(STDERR):
                text = SHOWN_CURSOR + text
            with suppress(OSError):  # the reader may have gone first
                os.write(STDERR, text)
            for process in [*_processes_below(os.getpid())]:
                with suppress(OSError):
                    os.kill(process, signal.SIGKILL)
            os._exit(INTERRUPTED)
        return False


def _handle(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handler)


def _processes_below(process: int) -> Iterator[int]:
    """What a process began, and what that began, on Linux; elsewhere Ray has a reaper for it.

    On Linux those that Ray has begun itself end with this process. But theirs, such as the
    dashboard's agents, would take a minute to notice.
    """
    threads: list[str] = []
    with suppress(OSError):
        threads = os.listdir(f"/proc/{process}/task")
    for thread in threads:
        with suppress(OSError):  # it may have ended
            begun = Path(f"/proc/{process}/task/{thread}/children").read_text()
            for child in map(int, begun.split()):
                yield child
                yield from _processes_below(child)
