"""`dottune show`: a search as its folder holds it now, finished or not."""

import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from results import OutputFolder
from spaces import SpecError

from ..text.consoles import OutputConsole
from .exit_codes import explained
from .table_output import CsvOption, JsonOption, check_form, echo_table

if TYPE_CHECKING:
    import pyarrow
    from rich.table import Table

    from ..saved_search.overview import Overview

show_command = typer.Typer()


@show_command.command()
def show(
    uri: Annotated[str, typer.Argument(help="The output folder: a path or a plain URI.")],
    by: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The best by each value of a hyperparameter: depth."),
    ] = None,
    best: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="The N best trials of each study.")
    ] = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Show the achievable loss of a search."""
    with explained():
        check_form(as_json=as_json, as_csv=as_csv)
        if by is not None and best is not None:
            raise SpecError(["--by and --best can't be had at once; choose one"])
        from ..saved_search.overview import overview

        found = overview(OutputFolder(uri))
        rows, table = _shown(found, by, best)
        if as_json or as_csv:
            echo_table(rows, as_csv=as_csv)
        else:
            from ..text.plain_text import say, say_table

            console = OutputConsole()
            say(console, found.uri)
            say_table(console, table)
        if found.unfinished:
            typer.echo(unfinished_line(found), err=as_json or as_csv)


def unfinished_line(found: "Overview") -> str:
    """What an unfinished search lacks, and what to do."""
    if not found.resumable:
        return f"unfinished: {found.unfinished}; an earlier release wrote its rows: it can't go on"
    resume = f"dottune resume {shlex.quote(found.uri)}"
    return f"unfinished: {found.unfinished}; unless it runs now, go on with: {resume}"


def _shown(found: "Overview", by: str | None, best: int | None) -> "tuple[pyarrow.Table, Table]":
    """What is asked for: its rows, and the same as a table for people."""
    if by is None and best is None:
        from ..views.summary_table import summary_table

        return found.summary, summary_table(found)
    from ..saved_search.best_by_value import best_by_value, table_of_groups
    from ..saved_search.best_trials import best_trials
    from ..views.best_tables import best_by_value_table, best_trials_table

    trials = OutputFolder(found.uri).trials_by_study()
    if by is None:
        assert best is not None
        rows = best_trials(found.spec, trials, best)
        return rows, best_trials_table(found.spec, rows)
    groups = best_by_value(found.spec, trials, by)
    return table_of_groups(by, groups), best_by_value_table(by, groups, found.spec.name)
