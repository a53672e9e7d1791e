"""`dottune compare`: the same studies of two searches or more, side by side."""

from typing import Annotated

import typer

from results import OutputFolder
from spaces import SpecError

from ..text.consoles import OutputConsole
from .exit_codes import explained
from .show_command import unfinished_line
from .table_output import CsvOption, JsonOption, check_form, echo_table

compare_command = typer.Typer()


@compare_command.command()
def compare(
    uris: Annotated[
        list[str],
        typer.Argument(metavar="URI URI...", help="Output folders; all against the first."),
    ],
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Show searches side by side, study by study."""
    with explained():
        check_form(as_json=as_json, as_csv=as_csv)
        if len(uris) < 2:
            raise SpecError([f"compare takes two output folders or more; got {uris[0]}; add one"])
        from ..saved_search.comparison import compare as compared
        from ..saved_search.comparison import table_of_comparison
        from ..saved_search.overview import overview
        from ..views.comparison_table import say_comparison

        folders = [OutputFolder(uri) for uri in uris]
        first, *others = searches = [overview(folder) for folder in folders]
        comparisons = [compared(first, other) for other in others]
        if as_json or as_csv:
            table = table_of_comparison([search.uri for search in searches], comparisons)
            echo_table(table, as_csv=as_csv)
        else:
            say_comparison(OutputConsole(), first, others, comparisons)
        for search in searches:
            if search.unfinished:
                typer.echo(f"{search.uri}: {unfinished_line(search)}", err=as_json or as_csv)
