"""`dottune presets`: the presets, one of them, or what a spec may hold."""

import json
from typing import Annotated

import typer

from spaces import json_schema, preset_names, preset_text

from .exit_codes import explained

presets_command = typer.Typer()


@presets_command.command()
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
