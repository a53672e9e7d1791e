"""`dottune reproduce`: what it prints and saves."""

from pathlib import Path

import torch
import typer
from rich.console import Console
from rich.progress import track

from results import OutputError, OutputFolder

from .reproduction import Reproduction, find_row, reproduce
from .reproduction_script import reproduction_script


def reproduce_row(
    folder: OutputFolder,
    *,
    study: str | None,
    trial: int,
    replicate: int | None,
    steps_factor: int,
    to: str,
    script: bool,
) -> None:
    """Train the row again, print stored against obtained, save the weights in `to`.

    With `script` print the program that does the same instead. Leaves with exit code 1 where the
    two are further apart than the tolerance.
    """
    row = find_row(folder, study=study, trial=trial, replicate=replicate, steps_factor=steps_factor)
    if script:
        typer.echo(reproduction_script(row), nl=False)
        return
    if not Path(to).resolve().parent.is_dir():
        raise OutputError(f"the folder of {to} does not exist; make it, or choose another --to")
    steps = iter(
        track(
            range(row["steps"]),
            description=f"training trial {trial} alone",
            console=Console(stderr=True),
            transient=True,
        )
    )
    reproduction = reproduce(row, on_step=lambda step: next(steps, None))
    torch.save(reproduction.network.state_dict(), to)
    _print(reproduction, to)
    if not reproduction.agrees:
        raise typer.Exit(1)


def _print(reproduction: Reproduction, to: str) -> None:
    row = reproduction.row
    hidden = row["layer_sizes"] or "none"
    lines = [
        f"{row['study']}, trial {row['trial']}, {row['phase']}, {row['status']}",
        f"hidden layers {hidden}, learning rate {row['learning_rate']:.3g}, {row['steps']} steps",
        f"stored nmse    {_number(reproduction.stored)}",
        f"kernels        {_number(reproduction.retrained)}: {_EXACT[reproduction.exact]}",
        f"plain torch    {_number(reproduction.obtained)}: "
        + ("agrees" if reproduction.agrees else "DOES NOT AGREE")
        + f" within {_number(reproduction.tolerance)}",
    ]
    if reproduction.exact is not None:
        lines.append(
            f"sensitivity    {_number(reproduction.sensitivity)}, to a few units of rounding"
        )
    for line in (*lines, f"weights        {to}"):
        typer.echo(line)


_EXACT = {
    True: "the same, to the last bit",
    False: "not the same bits; other versions, or a processor with other random numbers?",
    None: "not tried, since a GPU trained this row",
}


def _number(value: float | None) -> str:
    return "not finite" if value is None else f"{value:.6g}"
