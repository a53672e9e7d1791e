"""`dottune reproduce`: what it prints and saves."""

import torch
import typer
from rich.progress import Progress

from results import OutputFolder
from spaces.vocabulary import layer_units, layers_text

from ..reproducing.reproduction import Reproduction, find_row, reproduce
from ..reproducing.reproduction_script import reproduction_script
from ..text.consoles import MessageConsole
from .local_file import check_file, not_writable


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
    check_file(to)
    with Progress(console=MessageConsole(), transient=True) as progress:
        task = progress.add_task(f"training trial {trial} alone", total=row.steps)
        reproduction = reproduce(row, on_step=lambda step: progress.update(task, completed=step))
    try:
        torch.save(reproduction.network.state_dict(), to)
    except (OSError, RuntimeError) as error:  # torch's writer raises the latter
        raise not_writable(to, error) from None
    _print(reproduction, to)
    if not reproduction.agrees:
        raise typer.Exit(1)


def _print(reproduction: Reproduction, to: str) -> None:
    row = reproduction.row
    units, rate = layer_units(row.column("layer_sizes") or ""), row.column("learning_rate")
    hidden = layers_text(units) if units else "none"
    lines = [
        f"{row.study}, trial {row.trial}, {row.phase}, {row.status}",
        f"hidden layers {hidden}, learning rate {rate:.3g}, {row.steps} steps",
        f"stored nmse    {_number(reproduction.stored)}",
        f"kernels        {_number(reproduction.retrained)}: {_bits(reproduction)}",
        f"plain torch    {_number(reproduction.obtained)}: {_verdict(reproduction)}",
    ]
    if not reproduction.diverged_in_both:
        lines.append(
            f"sensitivity    {_number(reproduction.sensitivity)}, to a few units of rounding"
        )
    for line in (*lines, f"weights        {to}"):
        typer.echo(line)


def _verdict(reproduction: Reproduction) -> str:
    if reproduction.diverged_in_both:
        return "diverged in both"
    verdict = "agrees" if reproduction.agrees else "DOES NOT AGREE"
    return f"{verdict} within {_number(reproduction.tolerance)}"


def _bits(reproduction: Reproduction) -> str:
    if reproduction.exact:
        return "the same, to the last bit"
    if reproduction.row.device == "cpu":
        return "not the same bits; other versions, or a processor with other random numbers?"
    return "not the same bits; another kind of GPU, or a network too wide for fused kernels?"


def _number(value: float | None) -> str:
    return "not finite" if value is None else f"{value:.6g}"
