"""A Ray cluster of two nodes on this machine, and the command line pointed at it."""

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from tests.cluster_tests.bare_environment import bare_python
from tests.cluster_tests.pretended_gpus import pretend_gpus
from tests.faults import processes_below

PROJECT = Path(__file__).parents[2]
NEEDS_SECONDS = 120.0
"""The limit of everything that is waited for: several searches may share the machine."""
MARK = "DOTTUNE_TEST_CLUSTER"
"""An environment variable that every process of a cluster inherits, to find them again."""

STATE_KINDS = (
    *("actors", "jobs", "nodes", "placement_groups", "workers", "tasks", "objects"),
    "runtime_envs",
)
"""What Ray's state API lists."""

Result = TypeVar("Result")


def poll(ask: Callable[[], Result], what: str) -> Result:
    """Ask until the answer is true; it is an error if it never is."""
    limit = time.monotonic() + NEEDS_SECONDS
    while not (answer := ask()):
        assert time.monotonic() < limit, f"waited in vain: {what}"
        time.sleep(0.1)
    return answer


class TwoNodes:
    """Two raylets with 2 CPUs and 1 logical GPU each, a token of their own, and no dottune."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Start both; the nodes, and so the jobs, get `environment` in addition to this one."""
        self._folder = Path(tempfile.mkdtemp(prefix="ray-"))  # short: sockets lie below it
        self._mark = secrets.token_hex(8)
        self.token = secrets.token_hex(16)
        token = self._folder / "token"
        token.write_text(self.token)
        token.chmod(0o600)
        self._python = bare_python(self._folder / "environment")
        pretend_gpus(self._folder / "environment")
        clean = {key: value for key, value in os.environ.items() if not key.startswith("RAY_")}
        self.client_environment = clean | {
            "RAY_AUTH_TOKEN_PATH": str(token),
            "HOME": str(self._folder),  # nobody's ~/.ray
            "COLUMNS": "100",
            "RAY_worker_niceness": "0",
        }
        clean.pop("PYTHONPATH", None)
        self._node_environment = clean | {
            **environment,
            "RAY_worker_niceness": "0",
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(token),
            "RAY_USAGE_STATS_ENABLED": "0",
            "PATH": f"{self._python.parent}:{os.environ['PATH']}",
            MARK: self._mark,
        }
        self._started: list[subprocess.Popen[bytes]] = []
        self.port, dashboard = free_port(), free_port()
        self.address = f"http://127.0.0.1:{dashboard}"
        self._start("head", "--head", f"--port={self.port}", f"--dashboard-port={dashboard}")
        poll(lambda: self.size == 1, "the head")
        self._start("second", f"--address=127.0.0.1:{self.port}")
        poll(lambda: self.size == 2, "the second node")

    def _start(self, name: str, *options: str) -> int:
        folder = self._folder / name
        folder.mkdir()
        command = [str(self._python), "-m", "ray.scripts.scripts", "start", "--block", *options]
        command += ["--num-cpus=2", "--num-gpus=1", f"--temp-dir={folder}"]
        command += [f"--dashboard-agent-listen-port={free_port()}"]
        command += ["--object-store-memory=100000000", "--disable-usage-stats"]
        with (folder / "start.log").open("w") as log:
            started = subprocess.Popen(
                command,
                env=self._node_environment,
                cwd=folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._started.append(started)
        return started.pid

    def start_third(self) -> int:
        """Start a node to be lost; the process that began all others of it."""
        process = self._start("third", f"--address=127.0.0.1:{self.port}")
        poll(lambda: self.size == 3, "the third node")
        return process

    def lose(self, node: int) -> None:
        """Kill a node, by the process that began it: its raylet, its workers and all else."""
        for process, _ in [(node, ""), *processes_below(node)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    @property
    def size(self) -> int:
        """The number of nodes that Ray takes for alive."""
        return len(self._nodes())

    def get(self, path: str, method: str = "GET") -> Any:
        """What the dashboard answers to a request with the token."""
        return json.loads(self._answer(path, method))

    def _answer(self, path: str, method: str = "GET") -> bytes:
        headers = {"Authorization": f"Bearer {self.token}"}
        request = urllib.request.Request(self.address + path, headers=headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as response:
            content: bytes = response.read()
        return content

    def dashboard_answers(self) -> dict[str, bytes]:
        """Everything that the dashboard tells about the cluster, by the path that was asked."""
        nodes = [node["node_id"] for node in self._nodes()]
        paths = [f"/api/v0/{kind}?detail=true&limit=10000" for kind in STATE_KINDS]
        paths += [f"/api/v0/logs?node_id={node}" for node in nodes]
        paths += [f"/nodes/{node}" for node in nodes]
        paths += ["/nodes?view=details", "/logical/actors", "/api/jobs/", "/api/cluster_status"]
        paths += ["/api/v0/tasks/timeline", "/api/v0/cluster_metadata", "/api/component_activities"]
        paths += ["/events", "/api/v0/cluster_events"]
        answers = {}
        for path in paths:
            try:
                answers[path] = self._answer(path)
            except urllib.error.HTTPError as error:  # what it says instead is an answer too
                answers[path] = error.read()
                error.close()
        return answers

    def session_files(self) -> dict[str, bytes]:
        """Every file that Ray has written on the nodes."""
        found = {}
        for node in ("head", "second"):
            for path in (self._folder / node).rglob("*"):
                with contextlib.suppress(OSError):  # it may go meanwhile
                    if path.is_file():
                        found[str(path)] = path.read_bytes()
        return found

    def _nodes(self) -> list[Any]:
        try:
            nodes = self.get("/api/v0/nodes")["data"]["result"]["result"]
        except OSError:
            return []
        return [node for node in nodes if node["state"] == "ALIVE"]

    def workers(self) -> list[Any]:
        """The workers that train packs now, as the dashboard shows them."""
        path = "/api/v0/actors?detail=true&limit=1000"
        actors = self.get(path)["data"]["result"]["result"]
        return [
            actor
            for actor in actors
            if actor["state"] == "ALIVE" and "Trainable" in actor["class_name"]
        ]

    @property
    def prometheus_discovery(self) -> Path:
        """The file that names the addresses of the cluster's metrics."""
        return self._folder / "head" / "session_latest" / "prom_metrics_service_discovery.json"

    def process_titles(self, beginning: str) -> list[str]:
        """The titles of the cluster's processes that begin so, as the dashboard shows them."""
        nodes = [self.get(f"/nodes/{node['node_id']}")["data"]["detail"] for node in self._nodes()]
        commands = [worker["cmdline"] or [""] for node in nodes for worker in node["workers"]]
        return [command[0] for command in commands if command[0].startswith(beginning)]

    def dottune(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command of dottune to its end, as a user of this cluster would."""
        return subprocess.run(
            [sys.executable, "-m", "search", *arguments],
            env=self.client_environment | environment,
            cwd=PROJECT,
            capture_output=True,
            text=True,
            timeout=2 * NEEDS_SECONDS,
            check=False,
        )

    def start_dottune(
        self,
        *arguments: str,
        stdout: int = subprocess.DEVNULL,
        stderr: int = subprocess.DEVNULL,
        environment: Mapping[str, str] = {},
    ) -> subprocess.Popen[str]:
        """Start a command of dottune that something is to happen to meanwhile."""
        return subprocess.Popen(
            [sys.executable, "-m", "search", *arguments],
            env={**self.client_environment, **environment},
            cwd=PROJECT,
            stdout=stdout,
            stderr=stderr,
            text=True,
        )

    def done(self, *arguments: str) -> str:
        """Run a command of dottune that must end well; give what it printed."""
        ended = self.dottune(*arguments)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    def stop(self) -> None:
        """End every process of this cluster and no other, and remove its files."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            for process in self._processes():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, number)
            limit = time.monotonic() + 3
            while self._processes() and time.monotonic() < limit:
                time.sleep(0.1)
        for started in self._started:
            started.wait(timeout=10)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _processes(self) -> list[int]:
        mark = f"{MARK}={self._mark}".encode()
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
                if state != "Z" and mark in (folder / "environ").read_bytes().split(b"\0"):
                    found.append(int(folder.name))
        return found


def free_port() -> int:
    """A port that nobody listens at just now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
