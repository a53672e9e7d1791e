"""`dottune plan`: what a search will take, without starting it."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from spaces import SpecError, load_spec

from ..text.consoles import MessageConsole, OutputConsole
from .exit_codes import explained
from .spec_options import SetOption, SpecArgument

if TYPE_CHECKING:
    from cluster.resources import Cluster

plan_command = typer.Typer()

_MOST_WORKERS = 100_000
"""Each is simulated."""


@plan_command.command()
def plan(
    spec: SpecArgument,
    overrides: SetOption = None,
    workers: Annotated[
        int | None, typer.Option(metavar="N", help="How long would so many workers take?")
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(help="A Ray cluster (HOST:6379, auto) to plan for; else this machine."),
    ] = None,
) -> None:
    """Say what a search will take: work, workers, time, memory and output. Starts nothing."""
    with explained():
        if workers is not None and not 1 <= workers <= _MOST_WORKERS:
            raise SpecError([f"--workers must be from 1 to {_MOST_WORKERS}; got {workers}"])
        resolved = load_spec(spec, overrides=overrides or ())
        from ..forecasting.forecast import forecast
        from ..table_facts import with_table_facts
        from ..text.plain_text import say, say_note
        from ..views.forecast_text import forecast_lines

        note = partial(say_note, MessageConsole())
        resolved = with_table_facts(resolved, tell=note)
        for each in resolved.notes():
            note(each)
        console = OutputConsole()
        with _nodes(address) as cluster:
            found = forecast(resolved, cluster, workers=workers)
        for line in forecast_lines(found):
            say(console, line)


@contextmanager
def _nodes(address: str | None) -> "Iterator[Cluster]":
    """The cluster at an address; without one this machine, on which no Ray is started."""
    if address is None:
        from ..forecasting.this_machine import this_machine

        yield this_machine()
        return
    from cluster.connect import connected

    with connected(address) as cluster:
        yield cluster
