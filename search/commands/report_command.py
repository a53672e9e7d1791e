"""`dottune report`: the report of a search, finished or not."""

from pathlib import Path
from typing import Annotated

import typer

from results import OutputFolder

from .exit_codes import explained
from .local_file import check_file

report_commands = typer.Typer()


@report_commands.command()
def report(
    uri: Annotated[str, typer.Argument(help="The output folder: a path or a plain URI.")],
    to: Annotated[
        str | None, typer.Option(metavar="FILE", help="A local file [report.html in the folder].")
    ] = None,
) -> None:
    """Write the report of a search: one page that opens in any browser."""
    with explained():
        folder = OutputFolder(uri)
        if to is not None:
            check_file(to)
        from ..views.report import write_report
        from .last_words import say_last_words

        say_last_words(write_report(folder, None if to is None else Path(to).absolute()))
