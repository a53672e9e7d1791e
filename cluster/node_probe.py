"""A look at a cluster from one of its nodes: a small job that says what is there."""

import json
import shlex
import time
import uuid
from dataclasses import dataclass
from typing import Any

from .dashboard import Dashboard
from .errors import ClusterError
from .packages import package_folders

ANSWER_SECONDS = 120.0
"""A job that has not ended by then waits for something that doctor can't see."""


@dataclass(frozen=True, kw_only=True)
class Node:
    """What a job's driver finds on the node that it runs on."""

    host: str
    executable: str
    python: str
    versions: dict[str, str | None]
    """Of what dottune needs, by name; None: not installed."""
    fault: str | None
    """Why the output folder can't be written from there."""


def ask_node(dashboard: Dashboard, out: str | None) -> Node:
    """Look from the node on which Ray starts the drivers of jobs; `out`: try to write there.

    The job brings the five packages and nothing else and has the node's own credentials.

    Raises:
        ClusterError: the job could not be run, or did not answer.
    """
    command = ["python", "-m", "search.commands.node_report", out or ""]
    id = f"doctor-{uuid.uuid4().hex[:8]}"
    client = dashboard.client
    with dashboard.explained():
        client.submit_job(
            entrypoint=f"exec {shlex.join(command)}",
            submission_id=id,
            runtime_env={"py_modules": package_folders()},
        )
        limit = time.monotonic() + ANSWER_SECONDS
        while not (details := client.get_job_info(id)).status.is_terminal():
            if time.monotonic() > limit:
                client.stop_job(id)
                raise ClusterError(
                    f"a small job is still {details.status} after {ANSWER_SECONDS:g} s; look at it "
                    f"in Ray's dashboard ({dashboard.address}, job {id})"
                )
            time.sleep(0.2)
        log = client.get_job_logs(id)
    return _answer(log, details.message or "")


def _answer(log: str, message: str) -> Node:
    for line in reversed(log.splitlines()):
        try:
            found: dict[str, Any] = json.loads(line)
            return Node(**found)
        except (ValueError, TypeError):
            continue
    reason = (log.strip().splitlines() or message.strip().splitlines() or ["it said nothing"])[-1]
    raise ClusterError(f"a small job failed there: {reason}")
