"""Jobs that never began, and jobs that nobody watches any more: words, and a way past them."""

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from cluster.errors import ClusterError, RequestError
from cluster.head_node import head_node_fault, supervisor_fault
from cluster.jobs import Job, Jobs
from cluster.reason import reason_of, without_stack
from tests.cluster_tests.two_nodes import NEEDS_SECONDS, PROJECT, TwoNodes

HEARTBEATS = "health check failed due to missing too many heartbeats"
ALIVE = {"is_head_node": True, "state": "ALIVE", "state_message": None}
DEAD = {
    "is_head_node": True,
    "state": "DEAD",
    "state_message": HEARTBEATS,
}
WORKER = {"is_head_node": False, "state": "ALIVE", "state_message": None}
LOST = {
    "state": "DEAD",
    "death_cause": {
        "actor_died_error_context": {
            "error_message": "The actor died because its node has died. Node Id: dce6\n\tmore"
        }
    },
}
SUBMIT = """
import json, sys
from cluster.dashboard import Dashboard
Dashboard(sys.argv[1]).client.submit_job(
    entrypoint="exec sleep 600",
    submission_id=sys.argv[2],
    runtime_env=json.loads(sys.argv[3]),
    metadata={"dottune": "1", "search": sys.argv[2], "out": "s3://bucket/" + sys.argv[2]},
)
"""


def submit(two_nodes: TwoNodes, id: str, **environment: object) -> None:
    """Submit a job of our mark, for which a node must first make a runtime environment."""
    subprocess.run(
        [sys.executable, "-c", SUBMIT, two_nodes.address, id, json.dumps(environment)],
        env=two_nodes.client_environment,
        cwd=PROJECT,
        check=True,
    )


def test_a_job_is_stopped_while_its_environment_is_prepared(
    two_nodes: TwoNodes, tmp_path: Path
) -> None:
    """The working directory is a pipe: its node waits for what is written into it."""
    pipe = tmp_path / "folder.zip"
    os.mkfifo(pipe)
    submit(two_nodes, "preparing", working_dir=f"file://{pipe}")
    with two_nodes.start_dottune(
        *("stop", "preparing", "--address", two_nodes.address),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as stop:
        assert stop.stderr is not None
        said = stop.stderr.readline()
        with pipe.open("wb") as stream, zipfile.ZipFile(stream, "w") as folder:
            folder.writestr("folder/file", "content")
        shown, rest = stop.communicate(timeout=NEEDS_SECONDS)
    assert said.startswith("preparing: PENDING; the head node prepares its environment; ")
    assert stop.returncode == 0, rest
    assert re.search("status +STOPPED", shown), rest


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        (
            {"working_dir": "file:///nowhere/folder.zip"},
            "No such file or directory: '/nowhere/folder.zip'",
        ),
        (
            {"pip": ["./no-such-package.whl"]},
            "no-such-package.whl",
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_job_that_can_not_be_prepared_says_why(
    two_nodes: TwoNodes, environment: dict[str, object], reason: str
) -> None:
    id = f"broken-{next(iter(environment))}"
    submit(two_nodes, id, **environment)
    ended = two_nodes.dottune("logs", id, "--follow", "--address", two_nodes.address)
    assert ended.returncode == 1
    assert f"{id}: FAILED" in ended.stderr
    assert reason in ended.stderr
    assert "Traceback" not in ended.stderr
    assert 'File "' not in ended.stderr


def test_a_missing_head_node_is_found() -> None:
    assert head_node_fault([WORKER, ALIVE]) is None
    assert head_node_fault([DEAD, ALIVE]) is None, "it was started again"
    assert head_node_fault([WORKER, DEAD]) == f"the head node is DEAD ({HEARTBEATS})"
    assert head_node_fault([WORKER]) == "no node is the head node"


def test_a_supervisor_is_missed_only_if_it_was_there() -> None:
    assert supervisor_fault([]) is None
    assert supervisor_fault([LOST, {"state": "ALIVE"}]) is None
    assert supervisor_fault([{"state": "PENDING_CREATION"}]) is None
    assert (
        supervisor_fault([LOST])
        == "its supervisor is DEAD (The actor died because its node has died. Node Id: dce6)"
    )
    assert supervisor_fault([{"state": "DEAD", "death_cause": None}]) == "its supervisor is DEAD"


class Books:
    """A dashboard that answers what was recorded, with one job that is RUNNING by its books."""

    address = "http://head:8265"

    def __init__(self, *, nodes: list[Any], supervisors: list[Any]) -> None:
        self.client = self
        self._nodes, self._supervisors = nodes, supervisors

    def head_node_fault(self) -> str | None:
        return head_node_fault(self._nodes)

    def supervisor_fault(self, job: str) -> str | None:
        assert job == "first"
        return supervisor_fault(self._supervisors)


class OneJob(Jobs):
    def list(self) -> list[Job]:
        return [RUNNING]


RUNNING = Job(
    id="first",
    search="quick",
    out="s3://bucket/first",
    status="RUNNING",
    message="",
    submitted_at=None,  # type: ignore[arg-type]
    ended_at=None,
    exit_code=None,
)


def jobs(nodes: list[Any], supervisors: list[Any]) -> Jobs:
    return OneJob(Books(nodes=nodes, supervisors=supervisors))  # type: ignore[arg-type]


def test_an_output_folder_is_free_once_its_job_is_lost() -> None:
    busy = jobs([ALIVE], [{"state": "ALIVE"}])
    with pytest.raises(RequestError, match=r"the job first \(RUNNING\) writes to s3.*dottune stop"):
        busy.check_output(RUNNING.out)
    busy.check_output("s3://bucket/other")
    jobs([ALIVE], [LOST]).check_output(RUNNING.out)


def test_without_a_head_node_nothing_starts_or_stops_and_the_way_past_is_named() -> None:
    dead = jobs([WORKER, DEAD], [LOST])
    with pytest.raises(
        ClusterError, match=r"the job first .RUNNING. is lost.*dottune resume s3:"
    ) as e:
        dead.check_output(RUNNING.out)
    assert f"the head node is DEAD ({HEARTBEATS})" in str(e.value)
    with pytest.raises(ClusterError, match=r"can't be stopped.*dottune submit --resume --out s3:"):
        dead.stop("first")


def test_the_stack_that_ray_sends_along_becomes_its_last_line() -> None:
    """A real stack, in the words in which Ray's client hands the dashboard's on."""
    script = (
        "def connect():\n    raise OSError('Cannot connect to host 192.0.2.2:52365')\nconnect()"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    error = RuntimeError(f"Request failed with status code 500: {ran.stderr}.")
    assert reason_of(error) == "OSError: Cannot connect to host 192.0.2.2:52365"
    assert reason_of(OSError("Connection\nrefused")) == "Connection refused"
    assert without_stack(f"It failed.\n{ran.stderr}") == (
        "It failed.\nOSError: Cannot connect to host 192.0.2.2:52365"
    )


def test_a_job_that_nobody_watches_is_lost() -> None:
    assert (
        jobs([ALIVE], [LOST]).lost(RUNNING)
        == "its supervisor is DEAD (The actor died because its node has died. Node Id: dce6)"
    )
    assert jobs([ALIVE], [{"state": "ALIVE"}]).lost(RUNNING) is None
