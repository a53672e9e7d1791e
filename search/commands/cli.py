"""The command line: `dottune`, or `python -m search`."""

from typing import TYPE_CHECKING, Annotated

import typer

from results import OutputError, OutputFolder

from ..saved_search.resuming_command import resuming_command
from ..text.consoles import MessageConsole, OutputConsole
from .atlas_command import atlas_command
from .compare_command import compare_command
from .doctor_command import doctor_command
from .exit_codes import FAILED, explained
from .job_commands import job_commands
from .optuna_command import optuna_commands
from .plan_command import plan_command
from .presets_command import presets_command
from .report_command import report_commands
from .show_command import show_command
from .spec_options import SetOption, SpecArgument

if TYPE_CHECKING:
    from ..runner import SearchResult

application = typer.Typer(
    name="dottune",
    help="How well can an MLP learn the dot product? A distributed hyperparameter search.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # help and errors hold brackets, which rich would take for its own
)

UriArgument = Annotated[str, typer.Argument(help="The output folder: a path or a plain URI.")]
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
            console=MessageConsole(),
            resume_if_there=resume_if_there,
        )
        _conclude(result)


@application.command()
def resume(uri: UriArgument, overrides: SetOption = None, address: AddressOption = None) -> None:
    """Finish an interrupted search; with --set budget.trials=200, extend a finished one."""
    with explained():
        from ..runner import resume_search

        result = resume_search(
            uri, overrides=overrides or (), address=address, console=MessageConsole()
        )
        _conclude(result)


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


for _commands in (
    show_command,
    compare_command,
    report_commands,
    atlas_command,
    plan_command,
    presets_command,
    job_commands,
    doctor_command,
    optuna_commands,
):
    application.add_typer(_commands)


def _conclude(result: "SearchResult") -> None:
    """Print the table, the paths and the failures; leave with the code that says how it went."""
    from ..saved_search.overview import overview
    from ..text.plain_text import say
    from ..views.summary_table import say_summary
    from .last_words import say_last_words

    folder, failed = OutputFolder(result.uri), result.failed
    console = OutputConsole()
    try:
        say_summary(console, overview(folder))
    except OutputError as error:  # what is wrong there may be why a study failed: it is said below
        say(MessageConsole(), str(error))
    say(console, f"trials   {folder.uri}/trials")
    say(console, f"summary  {folder.uri}/summary.parquet")
    if result.report is not None:
        say_last_words(result.report)
    if failed:
        for study, reason in failed.items():
            say(MessageConsole(), f"{study}: {reason}", style="red")
        say(MessageConsole(), f"try them again with: {resuming_command(folder.uri)}")
        raise typer.Exit(FAILED)
