"""How a command ends: its exit code, and a message in place of a traceback."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from cluster.errors import ClusterError, RequestError
from cluster.signals import INTERRUPTED
from results import OutputError, OutputUnavailable
from spaces import SpecError

DONE, FAILED, WRONG_INPUT = 0, 1, 2
INTERRUPTION = "interrupted; the same command starts it again"


@contextmanager
def explained() -> Iterator[None]:
    """Turn expected errors into a message and an exit code, never a traceback."""
    try:
        yield
    except (ClusterError, OutputError, SpecError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(_code_of(error)) from None
    except BrokenPipeError:  # `dottune logs ID | head -1`: the reader has all that it wanted
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(DONE) from None
    except KeyboardInterrupt:
        typer.echo(INTERRUPTION, err=True)
        raise typer.Exit(INTERRUPTED) from None
    except Exception as error:
        # This class lives beside Torch, which takes a second to import: not for `--help`.
        from ..runner import SearchInterrupted

        if isinstance(error, SearchInterrupted):
            typer.echo(str(error), err=True)
            raise typer.Exit(INTERRUPTED) from None
        raise


def _code_of(error: ClusterError | OutputError | SpecError) -> int:
    """FAILED where the same command may work another time; else the input is wrong."""
    if isinstance(error, OutputUnavailable):
        return FAILED
    if isinstance(error, ClusterError) and not isinstance(error, RequestError):
        return FAILED
    return WRONG_INPUT
