"""What SIGINT and SIGTERM do to a command: the first ends it in order, the second at once."""

import atexit
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

from .after_imports import import_statement, interrupt_after

HANDLED = (signal.SIGINT, signal.SIGTERM)
INTERRUPTED = 130
"""The exit code of a command that was interrupted."""
MOMENT_SECONDS = 0.1
"""Signals within it are one: `timeout` sends its own to the command, and again to its group."""
SECOND = b"\0"
"""What the main thread writes, once it knows the second, where Python writes signals' numbers."""
STDERR = 2
SHOWN_CURSOR = b"\x1b[?25h"
"""A live table hides it."""
RAYLET = "raylet"


class Signals:
    """The handler of both signals for the life of a command, not of a search in a library's use.

    The first raises KeyboardInterrupt, or is seen to by who has asked `first` about it. It waits
    for the imports in progress: some modules drop what is raised in them, or fail of it. The second
    ends the process with exit code 130 and runs nothing more. Files are whole or not there, as they
    are moved to their places. Ray's processes, where this one has started them, end with it.

    Ray's `shutdown` leaves SIGTERM with its default action, without Python's knowledge: one that
    comes later kills the process. So a command that has connected to Ray calls it last, and not at
    all where a signal has come. It ends by `leave`, as one does that a signal has come to: Python's
    own end may make its exit code that of SIGINT, and takes a second.
    """

    def __init__(self) -> None:
        """No signal has come."""
        self._told, self._heard = _Clock(), _Clock()
        self._pipe = -1
        self.holds_ray = False
        """Whether Ray was connected to, for the rest of the process's life."""
        self.at_end: Callable[[], object] | None = None
        """Ray's `shutdown`, which sends the last of a search's metrics, once the work is done."""

    @staticmethod
    def of_process() -> "Signals | None":
        """The handler of this process; None where it is no command."""
        handler = signal.getsignal(signal.SIGINT)
        return handler if isinstance(handler, Signals) else None

    @property
    def to_leave(self) -> bool:
        """Whether the process is to end by `leave`."""
        return self.holds_ray or self._told.runs

    def install(self) -> None:
        """Take both signals from now on, to the process's end. In the main thread only."""
        reading, self._pipe = os.pipe()
        os.set_blocking(self._pipe, False)
        signal.set_wakeup_fd(self._pipe, warn_on_full_buffer=False)
        # The thread is given none of them: they have to wake the main one.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)
        threading.Thread(target=self._listen, args=(reading,), daemon=True).start()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        _handle(self)
        # Called after all else that is registered: Python would take the handler away, so that a
        # signal in the last moments would change the exit code.
        atexit.register(_handle, signal.SIG_IGN)

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Called by Python when a signal has come."""
        if not self.first():
            return
        if (statement := import_statement(frame)) is None:
            raise KeyboardInterrupt
        interrupt_after(statement)

    def first(self) -> bool:
        """Whether the signal that has just come is the first; for the second it doesn't return."""
        if not self._told.is_later():
            return self._told.starts()
        with suppress(BlockingIOError):  # then there is enough for the other thread to read
            os.write(self._pipe, SECOND)
        while True:
            time.sleep(1)

    def _listen(self, reading: int) -> None:
        """Leave at the second signal: a thread, as the main one may be waiting for a store."""
        while byte := os.read(reading, 1):
            if byte != SECOND and byte[0] not in HANDLED:
                continue
            # While Ray starts, SIGTERM comes by way of its C++ code, which sets an alarm that would
            # abort the process three seconds later.
            signal.alarm(0)
            if byte == SECOND or self._heard.is_later():
                text = (
                    b"left at once; `dottune resume` goes on with a search from what has finished\n"
                )
                if os.isatty(STDERR):
                    text = SHOWN_CURSOR + text
                with suppress(OSError):  # the reader may have gone first
                    os.write(STDERR, text)
                _end_at_once(INTERRUPTED)
            self._heard.starts()

    def leave(self, code: int) -> NoReturn:
        """End the process in order, all of whose work is done; and Ray's processes with it."""
        _handle(signal.SIG_IGN)
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError):  # the reader has all that it wanted
                stream.flush()
        if self.at_end is not None and not self._told.runs:
            self.at_end()
        _end_at_once(code)


class _Clock:
    """When the first signal was heard: the main thread, told by Python, may hear it much later."""

    def __init__(self) -> None:
        self._start = math.inf

    @property
    def runs(self) -> bool:
        return self._start < math.inf

    def starts(self) -> bool:
        """Start it, unless it runs; whether it didn't."""
        if self.runs:
            return False
        self._start = time.monotonic()
        return True

    def is_later(self) -> bool:
        """Whether the moment of the first signal is over."""
        return time.monotonic() - self._start >= MOMENT_SECONDS


def take_back() -> None:
    """Handle both signals as Python knows it, where C++ code has changed that behind its back."""
    with suppress(ValueError):  # not the main thread: signals are somebody else's
        for number in HANDLED:
            if (handler := signal.getsignal(number)) is not None:
                signal.signal(number, handler)


def abandon_workers() -> None:
    """Kill what the Ray that this process has begun has begun itself: its workers, its agents.

    Ray's own processes, those that this one has begun, end with it. They mustn't end before: when
    the raylet is gone, Ray's code in this process gives SIGTERM its default action and exits by
    itself. As the raylet would notice the end of its agents and end too, it is stopped first.
    """
    begun = [*_begun_by(os.getpid())]
    for process in begun:
        with suppress(OSError):  # it may have ended
            if Path(f"/proc/{process}/comm").read_text().strip() == RAYLET:
                os.kill(process, signal.SIGSTOP)
    for process in begun:
        for below in [*_processes_below(process)]:
            with suppress(OSError):
                os.kill(below, signal.SIGKILL)


def _end_at_once(code: int) -> NoReturn:
    abandon_workers()
    os._exit(code)


def _handle(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    for number in HANDLED:
        signal.signal(number, handler)


def _processes_below(process: int) -> Iterator[int]:
    """What a process began, and what that began, on Linux; elsewhere Ray has a reaper for it."""
    for child in _begun_by(process):
        yield child
        yield from _processes_below(child)


def _begun_by(process: int) -> Iterator[int]:
    threads: list[str] = []
    with suppress(OSError):
        threads = os.listdir(f"/proc/{process}/task")
    for thread in threads:
        with suppress(OSError):  # it may have ended
            yield from map(int, Path(f"/proc/{process}/task/{thread}/children").read_text().split())
