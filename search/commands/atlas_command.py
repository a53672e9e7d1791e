"""`dottune atlas`: what is known already of an nmse, without running anything."""

import math
from pathlib import Path
from typing import Annotated

import typer

from results import OutputFolder
from spaces import SpecError

from ..text.consoles import OutputConsole
from .exit_codes import explained
from .table_output import CsvOption, JsonOption, check_form, echo_table

atlas_command = typer.Typer()

_INSTALLED = Path(__file__).parents[1] / "atlas"
ATLAS = _INSTALLED if _INSTALLED.exists() else Path(__file__).parents[2] / "docs" / "atlas"
"""The reference search that comes with dottune (docs/atlas/README.md): a wheel has it within."""


@atlas_command.command()
def atlas(
    dimension: Annotated[int, typer.Option(help="Of the two vectors.")],
    nmse: Annotated[float, typer.Option(help="What is to be reached.")],
    uri: Annotated[
        str | None,
        typer.Option("--from", metavar="URI", help="Another search than the one that comes along."),
    ] = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Say which is the smallest network known to reach an nmse, and what it took."""
    with explained():
        check_form(as_json=as_json, as_csv=as_csv)
        if dimension < 1:
            raise SpecError([f"--dimension must be at least 1; got {dimension}"])
        if not (math.isfinite(nmse) and nmse > 0):
            raise SpecError([f"--nmse must be a finite number above 0; got {nmse}"])
        from ..saved_search.atlas_answer import atlas_answer, table_of_answer
        from ..saved_search.folder_state import folder_state, searched
        from ..text.plain_text import say
        from ..views.atlas_text import atlas_lines

        folder = OutputFolder(str(ATLAS) if uri is None else uri)
        searched(folder_state(folder))  # refuses what is no search
        answer = atlas_answer(folder.uri, folder.read_trials(), dimension, nmse)
        if as_json or as_csv:
            echo_table(table_of_answer(answer), as_csv=as_csv)
            return
        console = OutputConsole()
        for line in atlas_lines(answer):
            say(console, line)
