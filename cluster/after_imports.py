"""An interruption that waits for the imports in progress."""

import sys
from types import FrameType
from typing import Any

_OF_IMPORTS = "<frozen importlib._bootstrap>"


def import_statement(frame: FrameType | None) -> FrameType | None:
    """Return the frame whose import those up to `frame` belong to; None where there is none."""
    found = None
    while frame is not None:
        if frame.f_code.co_filename == _OF_IMPORTS and frame.f_back is not None:
            found = frame.f_back
        frame = frame.f_back
    return found


def interrupt_after(statement: FrameType) -> None:
    """Raise KeyboardInterrupt in that frame as soon as its import has ended, well or not.

    As a debugger stops there: by a trace function, which Python forgets once it has raised.
    """

    def interrupt(frame: FrameType, event: str, argument: Any) -> None:
        if frame is statement:
            raise KeyboardInterrupt

    statement.f_trace = interrupt
    sys.settrace(interrupt)
