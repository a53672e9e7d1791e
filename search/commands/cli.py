"""The command line: `dottune`, or `python -m search`."""

import json
import shlex
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from results import OutputFolder
from spaces import json_schema, preset_names, preset_text

from ..saved_search.resuming_command import resuming_command
from ..text.json_text import json_text
from .doctor_command import doctor_command
from .exit_codes import FAILED, explained
from .job_commands import job_commands
from .optuna_command import optuna_commands
from .report_command import report_commands

if TYPE_CHECKING:
    import pyarrow

    from ..runner import SearchResult

application = typer.Typer(
    name="dottune",
    help="How well can an MLP learn the dot product? A distributed hyperparameter search.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # help and errors hold brackets, which rich would take for its own
)
application.add_typer(job_commands)
application.add_typer(doctor_command)
application.add_typer(optuna_commands)
application.add_typer(report_commands)

SpecArgument = Annotated[str, typer.Argument(help="A preset's name, or a YAML file.")]
UriArgument = Annotated[str, typer.Argument(help="The output folder: a path or a plain URI.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override one value: budget.trials=16."),
]
AddressOption = Annotated[
    str | None,
    typer.Option(help="An existing Ray cluster (HOST:6379, auto); else Ray is started here."),
]


def main() -> None:
    """The entry point of the `dottune` command."""
    application()


@application.command()
def run(
    spec: SpecArgument,
    out: Annotated[str | None, typer.Option(help="Output folder [runs/<name>].")] = None,
    name: Annotated[str | None, typer.Option(help="The search's name.")] = None,
    overrides: SetOption = None,
    address: AddressOption = None,
    resume_if_there: Annotated[
        bool,
        typer.Option(
            "--resume-if-there", help="Go on with this search, if --out holds it already."
        ),
    ] = False,
) -> None:
    """Run a search; show the achievable loss."""
    with explained():
        from ..runner import run_search

        result = run_search(
            spec,
            out,
            overrides=overrides or (),
            name=name,
            address=address,
            console=_stderr(),
            resume_if_there=resume_if_there,
        )
        _conclude(result)


@application.command()
def resume(uri: UriArgument, address: AddressOption = None) -> None:
    """Finish an interrupted search."""
    with explained():
        from ..runner import resume_search

        result = resume_search(uri, address=address, console=_stderr())
        _conclude(result)


@application.command()
def show(
    uri: UriArgument,
    as_json: Annotated[bool, typer.Option("--json", help="For machines: a JSON list.")] = False,
) -> None:
    """Show the achievable loss of a search."""
    with explained():
        folder = OutputFolder(uri)
        from ..saved_search.overview import overview

        found = overview(folder)
        unfinished = f"unfinished: {found.missing}; unless it runs now, {_go_on(folder)}"
        if as_json:
            typer.echo(json_text(found.summary.to_pylist()))
        else:
            _print_table(folder, found.summary)
        if found.missing:
            typer.echo(unfinished, err=as_json)


@application.command()
def reproduce(
    uri: UriArgument,
    trial: Annotated[int, typer.Option(help="The trial's number.")],
    study: Annotated[
        str | None, typer.Option(help="dimension=8,multiplication=false; needed if there are more.")
    ] = None,
    replicate: Annotated[
        int | None, typer.Option(help="A confirm replicate, instead of the search's own row.")
    ] = None,
    steps_factor: Annotated[int, typer.Option(help="Of the confirm replicate.")] = 1,
    to: Annotated[str | None, typer.Option(help="File for the weights [trial-N.pt].")] = None,
    script: Annotated[
        bool, typer.Option("--script", help="Print a short torch program instead.")
    ] = False,
) -> None:
    """Train one row alone with plain torch; compare, and save the network."""
    with explained():
        from .reproduce_command import reproduce_row

        reproduce_row(
            OutputFolder(uri),
            study=study,
            trial=trial,
            replicate=replicate,
            steps_factor=steps_factor,
            to=f"trial-{trial}.pt" if to is None else to,
            script=script,
        )


@application.command()
def presets(
    name: Annotated[str | None, typer.Argument(help="Print this preset's YAML.")] = None,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON schema of a spec, for editors.")
    ] = False,
) -> None:
    """List the presets, or print one."""
    with explained():
        if schema:
            typer.echo(json.dumps(json_schema(), indent=2))
            return
        if name is not None:
            typer.echo(preset_text(name), nl=False)
            return
        longest = max(map(len, preset_names()))
        for preset in preset_names():
            typer.echo(f"{preset:{longest}}  {preset_text(preset).splitlines()[0].lstrip('# ')}")


def _stderr() -> Console:
    return Console(stderr=True)


def _print_table(folder: OutputFolder, summary: "pyarrow.Table") -> None:
    from ..text.plain_text import say, say_table
    from ..views.summary_table import summary_table

    console = Console()
    say(console, folder.uri)
    say_table(console, summary_table(summary))


def _go_on(folder: OutputFolder) -> str:
    return f"go on with: dottune resume {shlex.quote(folder.uri)}"


def _conclude(result: "SearchResult") -> None:
    """Print the table, the paths and the failures; leave with the code that says how it went."""
    from ..text.plain_text import say
    from .last_words import say_last_words

    folder, failed = OutputFolder(result.uri), result.failed
    _print_table(folder, folder.read_summary())
    console = Console()
    say(console, f"trials   {folder.uri}/trials")
    say(console, f"summary  {folder.uri}/summary.parquet")
    if result.report is not None:
        say_last_words(result.report)
    if failed:
        for study, reason in failed.items():
            say(_stderr(), f"{study}: {reason}", style="red")
        say(_stderr(), f"try them again with: {resuming_command(folder.uri)}")
        raise typer.Exit(FAILED)
