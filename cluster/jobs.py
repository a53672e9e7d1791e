"""Searches as Ray jobs: submitted to a cluster, which then needs nothing more from here."""

import asyncio
import shlex
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from spaces.faults import did_you_mean

from .dashboard import Dashboard, check_versions
from .errors import ClusterError, RequestError
from .job_driver import resubmitting_command
from .packages import package_folders, pinned_dependencies
from .resources import Cluster

STOP_SECONDS = 30
"""A driver that is asked to stop has so long to leave before Ray kills it (Ray's default: 3)."""
STOP_ENVIRONMENT = {
    "RAY_JOB_STOP_SIGNAL": "SIGINT",
    "RAY_JOB_STOP_WAIT_TIME_S": str(STOP_SECONDS),
}
SETUP_SECONDS = 1200.0
"""Longer than Ray lets a job be PENDING (RAY_JOB_START_TIMEOUT_SECONDS: 900)."""
MARK = "dottune"
"""The key of a job's metadata by which the jobs of this service are told from others."""
ENDED = ("SUCCEEDED", "FAILED", "STOPPED")


@dataclass(frozen=True, kw_only=True)
class Job:
    """A search on a cluster, as Ray's Jobs API shows it."""

    id: str
    search: str
    out: str
    status: str
    """PENDING, RUNNING, SUCCEEDED, FAILED or STOPPED."""
    message: str
    submitted_at: datetime
    ended_at: datetime | None
    exit_code: int | None
    """Of the driver; None while it runs, if it never ran, and of a job that was stopped."""
    installs: bool = False
    """Whether the dependencies are installed for it, by each node before it first does anything."""

    @property
    def ended(self) -> bool:
        """Whether it will not change any more."""
        return self.status in ENDED


class Jobs:
    """The jobs of this service on one cluster. Every method may raise ClusterError."""

    def __init__(self, dashboard: Dashboard) -> None:
        """Serve the cluster behind `dashboard`."""
        self._dashboard = dashboard
        self._client = dashboard.client

    def checked_cluster(self) -> Cluster:
        """What the cluster has; one of other versions than here is refused."""
        check_versions(self._dashboard.versions())
        return self._dashboard.cluster()

    def check_output(self, out: str) -> None:
        """Refuse an output folder that a job which has not ended writes to.

        A job that nobody watches any more is called RUNNING for ever, and is no hindrance: it
        can't go on, and the rows that it has written are those that another one would write.

        Raises:
            RequestError: names that job.
            ClusterError: no job can start, as the head node is gone.
        """
        jobs = [job for job in self.list() if job.out == out and not job.ended]
        fault = self._dashboard.head_node_fault()
        if fault is not None:
            lost = "".join(f"the job {job.id} ({job.status}) is lost with it; " for job in jobs)
            raise ClusterError(
                f"the cluster at {self._dashboard.address} can start no job: {fault}; {lost}"
                "start the cluster again and repeat this, or, where a search lies in --out, "
                f"finish it on this machine with `dottune resume {shlex.quote(out)}`"
            )
        for job in jobs:
            if self._dashboard.supervisor_fault(job.id) is None:
                raise RequestError(
                    f"the job {job.id} ({job.status}) writes to {out} already; follow it with "
                    f"`dottune logs {job.id} --follow`, stop it with `dottune stop {job.id}`, "
                    "or choose another --out"
                )

    def lost(self, job: Job) -> str | None:
        """Why a job that has not ended never will by itself; None if it may."""
        if job.ended:
            return None
        return self._dashboard.head_node_fault() or self._dashboard.supervisor_fault(job.id)

    def submit(
        self,
        arguments: Sequence[str],
        *,
        search: str,
        out: str,
        spec: str | None,
        image_has_dependencies: bool,
    ) -> str:
        """Submit `python -m search` with `arguments`; return the job's id.

        The job starts in a folder of its own that holds `spec` as spec.yaml. The cluster's workers
        get the five packages and, unless the image has them, the dependencies pinned as here.
        """
        environment: dict[str, Any] = {
            "py_modules": package_folders(),
            "env_vars": STOP_ENVIRONMENT,
        }
        if not image_has_dependencies:
            environment["pip"] = pinned_dependencies()
        with TemporaryDirectory(prefix="dottune-") as folder, self._dashboard.explained():
            if spec is not None:
                Path(folder, "spec.yaml").write_text(spec, encoding="utf-8")
                environment["working_dir"] = folder
            return self._client.submit_job(
                entrypoint=entry_point(arguments),
                submission_id=job_id(search),
                runtime_env=environment,
                metadata={MARK: "1", "search": search, "out": out},
            )

    def list(self) -> list[Job]:
        """The jobs of this service, the newest first."""
        with self._dashboard.explained():
            jobs = [_job(details) for details in self._client.list_jobs() if _ours(details)]
        return sorted(jobs, key=lambda job: job.submitted_at, reverse=True)

    def get(self, id: str) -> Job:
        """One job of this service.

        Raises:
            RequestError: there is none with this id.
        """
        jobs = {job.id: job for job in self.list()}
        if id in jobs:
            return jobs[id]
        hint = " ".join([did_you_mean(id, jobs), f"it has: {', '.join(jobs) or 'none'}"]).strip()
        raise RequestError(
            f"no job of dottune has the id {id} on {self._dashboard.address}; {hint}"
        )

    def logs(self, id: str) -> str:
        """All that the job's driver has written so far."""
        self.get(id)
        with self._dashboard.explained():
            return self._client.get_job_logs(id)

    def follow(self, id: str, write: Callable[[str], object]) -> Job:
        """Hand the log to `write` piece by piece as it comes; return the job once it has ended."""
        self.get(id)

        async def copy() -> None:
            async for piece in self._client.tail_job_logs(id):
                write(piece)

        with self._dashboard.explained():
            asyncio.run(copy())
        return self.wait(id, seconds=STOP_SECONDS)

    def stop(self, id: str, notice: Callable[[Job], object] = lambda job: None) -> Job:
        """Ask the driver to leave, and wait until it has; what had finished is kept.

        Ray stops a job whose environment is being installed only once that is done, and limits how
        long it may take: it is waited for, after `notice` was called with the job.
        """
        job = self.get(id)
        if job.ended:
            return job
        if fault := self.lost(job):
            raise ClusterError(
                f"the job {id} is {job.status} by Ray's books, but can't be stopped: {fault}; what "
                f"it had finished is kept in {job.out}: start the cluster again, then "
                f"`{resubmitting_command(job.out)}`"
            )
        with self._dashboard.explained():
            self._client.stop_job(id)
        if job.status == "PENDING":
            notice(job)
            job = self._poll(id, lambda job: job.status != "PENDING", seconds=SETUP_SECONDS)
        return self.wait(id, seconds=2 * STOP_SECONDS)

    def wait(self, id: str, *, seconds: float) -> Job:
        """The job once it has ended.

        Raises:
            ClusterError: it has not after `seconds`.
        """
        return self._poll(id, lambda job: job.ended, seconds=seconds)

    def _poll(self, id: str, done: Callable[[Job], bool], *, seconds: float) -> Job:
        limit = time.monotonic() + seconds
        while not done(job := self.get(id)):
            if time.monotonic() > limit:
                raise ClusterError(
                    f"the job {id} is still {job.status} after {seconds:g} s; "
                    f"look again with `dottune status {id}`"
                )
            time.sleep(0.2)
        return job


def entry_point(arguments: Sequence[str]) -> str:
    """The line that Ray runs in a shell; `exec`, so that a signal meets Python and not the shell.

    >>> entry_point(["run", "spec.yaml", "--out", "/data/my runs/$HOME"])
    "exec python -m search run spec.yaml --out '/data/my runs/$HOME'"
    """
    return "exec " + shlex.join(["python", "-m", "search", *arguments])


def job_id(search: str) -> str:
    """A new id that says which search it is, and sorts by the time."""
    return f"{search}-{datetime.now(UTC):%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:4]}"


def _ours(details: Any) -> bool:
    return bool(details.submission_id) and MARK in (details.metadata or {})


def _job(details: Any) -> Job:
    return Job(
        id=details.submission_id,
        search=details.metadata.get("search", ""),
        out=details.metadata.get("out", ""),
        status=str(details.status),
        message=details.message or "",
        submitted_at=_moment(details.start_time),
        ended_at=_moment(details.end_time) if details.end_time else None,
        exit_code=details.driver_exit_code,
        installs="pip" in (details.runtime_env or {}),
    )


def _moment(milliseconds: int | None) -> datetime:
    return datetime.fromtimestamp((milliseconds or 0) / 1000, UTC)
