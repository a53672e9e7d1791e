"""How a spec is given on the command line: a preset or a file, and single values of it."""

from typing import Annotated

import typer

SpecArgument = Annotated[str, typer.Argument(help="A preset's name, or a YAML file.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override one value: budget.trials=16."),
]
