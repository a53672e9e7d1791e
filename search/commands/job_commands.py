"""The commands for searches on a Ray cluster: submit, jobs, status, logs, stop."""

import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Annotated

import typer

from cluster.errors import RequestError
from cluster.job_driver import address_option, resubmitting_command
from cluster.reason import without_stack
from cluster.resources import worker_request
from cluster.signals import INTERRUPTED
from results import OutputError, OutputFolder
from spaces import Spec, SpecError, load_spec

from ..memory_need import check_memory
from ..saved_search.folder_state import Empty, folder_state, refuse_unless_free, searched
from .exit_codes import DONE, FAILED, explained
from .spec_options import SetOption

if TYPE_CHECKING:
    from cluster.jobs import Job, Jobs

job_commands = typer.Typer()

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="The job's id.")]
AddressOption = Annotated[
    str | None,
    typer.Option(
        metavar="http://HEAD:8265",
        help="The cluster's dashboard [RAY_API_SERVER_ADDRESS, or RAY_ADDRESS].",
    ),
]
EXIT_CODES = {"SUCCEEDED": DONE, "STOPPED": INTERRUPTED}
"""How following a job ends, by its status; FAILED for any other."""


@job_commands.command()
def submit(
    spec: Annotated[
        str | None, typer.Argument(help="A preset's name, or a YAML file; none with --resume.")
    ] = None,
    out: Annotated[str, typer.Option(help="Output folder, as the cluster sees it.")] = "",
    address: AddressOption = None,
    name: Annotated[str | None, typer.Option(help="The search's name.")] = None,
    overrides: SetOption = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Finish the search in --out; extend it with --set.")
    ] = False,
    follow: Annotated[bool, typer.Option("--follow", help="Show the log until the end.")] = False,
    image_has_deps: Annotated[
        bool,
        typer.Option("--image-has-deps", help="The cluster has the dependencies: install none."),
    ] = False,
    shared_filesystem: Annotated[
        bool,
        typer.Option(
            "--shared-filesystem",
            help="A local --out, and a local table, is the same on every node.",
        ),
    ] = False,
) -> None:
    """Run a search as a job of a Ray cluster; print the job's id."""
    with explained():
        folder = _output_of_a_job(out, shared_filesystem)
        if resume:
            if spec is not None or name is not None:
                raise RequestError("--resume takes the spec from --out; leave out SPEC and --name")
            search, text = _name_of(folder), None
            overrides = [_with_shared_table(each, shared_filesystem) for each in overrides or ()]
            sets = [part for each in overrides for part in ("--set", each)]
            arguments = ["resume", folder.uri, *sets]
        else:
            if spec is None:
                raise RequestError("SPEC is missing; name a preset or a YAML file, or --resume")
            resolved = load_spec(spec, overrides=overrides or (), name=name)
            if resolved.has_table:
                resolved = _table_of_a_job(resolved, shared_filesystem)
            search, text = resolved.name, resolved.to_yaml()
            arguments = ["run", "spec.yaml", "--out", folder.uri]
        jobs = _jobs(address)
        cluster = jobs.checked_cluster()
        if not resume:
            check_memory(resolved, worker_request(resolved.worker_resources, cluster), cluster)
        jobs.check_output(folder.uri)
        _check_folder(folder, None if resume else resolved, overrides or ())
        id = jobs.submit(
            [*arguments, "--address", "auto"],
            search=search,
            out=folder.uri,
            spec=text,
            image_has_dependencies=image_has_deps,
        )
        typer.echo(id)
        if follow:
            _follow(jobs, id)
        else:
            following = f"dottune logs {id} --follow{address_option(address)}"
            typer.echo(f"follow it with: {following}", err=True)


@job_commands.command("jobs")
def list_jobs(address: AddressOption = None) -> None:
    """List the searches on a cluster, the newest first."""
    with explained():
        for job in _jobs(address).list():
            typer.echo(f"{job.id}  {job.status:<9}  {_when(job.submitted_at)}  {job.out}")


@job_commands.command()
def status(id: IdArgument, address: AddressOption = None) -> None:
    """Show how a job is doing."""
    with explained():
        jobs = _jobs(address)
        job = jobs.get(id)
        _show(job, jobs.lost(job))


@job_commands.command()
def logs(
    id: IdArgument,
    follow: Annotated[bool, typer.Option("--follow", help="Show it until the end.")] = False,
    address: AddressOption = None,
) -> None:
    """Show what a job has written."""
    with explained():
        jobs = _jobs(address)
        if follow:
            _follow(jobs, id)
        else:
            typer.echo(jobs.logs(id), nl=False)


@job_commands.command()
def stop(id: IdArgument, address: AddressOption = None) -> None:
    """Stop a job; what it has finished is kept, and can be resumed."""
    with explained():
        jobs = _jobs(address)
        job = jobs.stop(id, notice=lambda job: _say_setup(job, "it is stopped once that is done"))
        _show(job)
        if job.status != "SUCCEEDED":
            typer.echo(f"go on with: {resubmitting_command(job.out, address)}", err=True)


def _jobs(address: str | None) -> "Jobs":
    # Ray takes a second to import: not for `--help`, and not before the input is known to be right.
    from cluster.dashboard import Dashboard
    from cluster.jobs import Jobs

    return Jobs(Dashboard(address))


def _output_of_a_job(out: str, shared_filesystem: bool) -> OutputFolder:
    """The folder that a job may write to.

    Raises:
        OutputError: it is missing, or a local path that other machines don't see.
    """
    if not out:
        raise OutputError("a submitted search needs an output folder; give --out s3://bucket/path")
    folder = OutputFolder(out)
    if "://" not in folder.uri and not shared_filesystem:
        raise OutputError(
            f"a local path names another folder on every machine of the cluster; got {out}; give "
            "an object store (--out s3://bucket/path), or say that all nodes and this machine "
            "share that folder (--shared-filesystem)"
        )
    return folder


def _table_of_a_job(spec: Spec, shared_filesystem: bool) -> Spec:
    """The spec with what its table holds.

    Raises:
        SpecError: it is a local path that other machines don't see, or can't be learned from.
    """
    _check_shared(str(spec.task.table), shared_filesystem)
    # Torch takes a second to import: not for other data.
    from ..table_facts import with_table_facts

    return with_table_facts(spec)


def _with_shared_table(override: str, shared_filesystem: bool) -> str:
    """An override that may give a table another place: as it is on every node.

    Raises:
        SpecError: it is a local path that other machines don't see.
    """
    key, _, table = override.partition("=")
    if key.strip() != "task.table":
        return override
    _check_shared(table, shared_filesystem)
    from trainables.ratings import absolute

    return f"{key}={absolute(table)}"


def _check_shared(table: str, shared_filesystem: bool) -> None:
    if "://" not in table and not shared_filesystem:
        raise SpecError(
            [
                "task.table: a local path names another file on every machine of the cluster; got "
                f"{table}; give an object store (s3://bucket/ratings.parquet), or say that all "
                "nodes and this machine share that file (--shared-filesystem)"
            ]
        )


def _check_folder(folder: OutputFolder, spec: Spec | None, overrides: Sequence[str]) -> None:
    """Refuse a folder in which the job can't begin `spec`, or (None) has nothing to resume.

    What is resumed must be such that `overrides` can extend it.

    This machine may not reach the store, or find another of that name: then the job will say it.
    """
    try:
        state = folder_state(folder)
    except OutputError:
        return
    if spec is not None:
        refuse_unless_free(state, spec)
    elif not isinstance(state, Empty) or "://" not in folder.uri:
        searched(state, otherwise="submit a SPEC, or check --out").extended(overrides)


def _name_of(folder: OutputFolder) -> str:
    """What the id of a resuming job is to begin with: the spec may be out of reach from here."""
    name = PurePosixPath(folder.uri).name.lower()
    # An id that began with a dash would be an option of the next command.
    return re.sub(r"[^a-z0-9._-]+", "-", name).strip("-._") or "resumed"


def _follow(jobs: "Jobs", id: str) -> None:
    started = jobs.get(id)
    if started.status == "PENDING":
        _say_setup(started, "the log begins once that is done")
    try:
        job = jobs.follow(id, lambda piece: typer.echo(piece, nl=False))
    except KeyboardInterrupt:
        typer.echo(f"the job goes on; stop it with: dottune stop {id}", err=True)
        raise typer.Exit(INTERRUPTED) from None
    typer.echo(f"{id}: {job.status}", err=True)
    if job.exit_code is None:  # no driver ran whose log would say it
        _say_message(job)
    raise typer.Exit(EXIT_CODES.get(job.status, FAILED))


def _say_setup(job: "Job", then: str) -> None:
    """Say what a job that is PENDING waits for."""
    what = (
        "each node installs the dependencies before it begins (some 2.3 GB, a minute or more the "
        "first time; --image-has-deps leaves that out where they are there)"
        if job.installs
        else "the head node prepares its environment"
    )
    typer.echo(f"{job.id}: {job.status}; {what}; {then}", err=True)


def _say_message(job: "Job") -> None:
    if job.status == "FAILED" and job.message:
        typer.echo(without_stack(job.message) if job.exit_code is None else job.message, err=True)


def _show(job: "Job", lost: str | None = None) -> None:
    rows = {
        "job": job.id,
        "search": job.search,
        "output": job.out,
        "status": job.status if lost is None else f"{job.status}, but it is lost: {lost}",
        "submitted": _when(job.submitted_at),
        "ended": _when(job.ended_at),
        "exit code": "" if job.exit_code is None else str(job.exit_code),
    }
    for label, text in rows.items():
        if text:
            typer.echo(f"{label:<10} {text}")
    _say_message(job)


def _when(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else ""
