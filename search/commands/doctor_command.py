"""`dottune doctor`: what this machine or cluster has, and what is wrong with it."""

import time
from collections.abc import Iterator
from typing import Annotated

import typer

from cluster.doctor import Finding, cluster_findings, installation_findings, local_findings
from results import OutputError, OutputFolder

from .exit_codes import FAILED, explained

doctor_command = typer.Typer()


@doctor_command.command()
def doctor(
    address: Annotated[
        str | None, typer.Option(help="A cluster's dashboard, http://HEAD:8265, to look at too.")
    ] = None,
    out: Annotated[str | None, typer.Option(help="An output folder: can it be written?")] = None,
) -> None:
    """Say what this machine or cluster has, and what is wrong with it."""
    with explained():
        healthy = True
        for finding in _findings(address, out):
            healthy = healthy and finding.healthy
            mark = ("WARN" if finding.warning else "ok") if finding.healthy else "WRONG"
            typer.echo(f"{mark:<5} {finding.subject:<18} {finding.text}")
    if not healthy:
        raise typer.Exit(FAILED)


def _findings(address: str | None, out: str | None) -> Iterator[Finding]:
    yield from installation_findings()
    yield _kernels()
    yield _gpus()
    yield from local_findings()
    yield from cluster_findings(address, out)
    if out is not None:
        yield _output(out)


def _kernels() -> Finding:
    from trainables.processor.kernels import Processor, kernels_for

    began = time.perf_counter()
    kernels_for("relu", "adam", "float32")
    seconds = time.perf_counter() - began
    processor = Processor.host()
    text = f"{processor}, compiled in {seconds:.1f} s"
    if not processor.fused:
        text += "; it multiplies and adds in two steps, so that training is slow here"
    return Finding(subject="kernels", healthy=True, text=text)


def _gpus() -> Finding:
    import torch  # a second to import: not for `--help`

    names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    return Finding(subject="GPUs", healthy=True, text=", ".join(names) or "none that torch sees")


def _output(out: str) -> Finding:
    try:
        folder = OutputFolder(out)
        folder.check_writable()
    except OutputError as error:
        return Finding(subject="output folder", healthy=False, text=f"from here: {error}")
    return Finding(
        subject="output folder", healthy=True, text=f"from here: {folder.uri} can be written"
    )
