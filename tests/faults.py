"""Faults that happen to a search, each with what puts the search on its way again.

A fault runs a small search to its end in spite of something, at a moment drawn by `random`. What
lies in the folder then is counted against an undisturbed search: rows lost, doubled and changed.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from typing import Any

import pyarrow
import pyarrow.parquet
import yaml

from cluster.signals import MOMENT_SECONDS
from results import OutputFolder, summary_of
from results.schemas import CURVE_KEY, TRIAL_KEY
from search import resume_search
from search.planning.search_plan import SearchPlan
from search.saved_search.provenance import command_line, provenance, to_json
from spaces import Spec, load_spec
from tests.object_store import ObjectStore
from tests.search_tests.studies import MEASURED, train_once
from trainables import PackKey

PROJECT = Path(__file__).parents[1]
LIMIT_SECONDS = 180.0
"""Of everything that is waited for."""
GONE_SECONDS = 20.0
"""Ray's agents, left to themselves, take a minute to notice that their node has gone."""

SPEC: Mapping[str, Any] = {
    "name": "faults",
    "grid": {"dimension": [1, 2]},
    "space": {
        "depth": {"low": 0, "high": 2},
        "width": {"low": 2, "high": 16},
        # Of the upper half nearly all diverge.
        "learning_rate": {"low": 1e-3, "high": 1e9, "log": True},
    },
    "fixed": {"steps": 3000, "batch_size": 64, "optimizer": "sgd", "multiplication": False},
    "budget": {"trials": 16, "pack_size": 4},
    "halving": {"grace_period": 500, "reduction_factor": 2, "min_survivors": 1},
    "confirm": {"replicates": 2, "steps_factors": [1, 2]},
    "tensorboard": "off",
}
PACKS = 2 * (4 + 2)
"""Studies times packs of the search and of confirm."""


@dataclass(frozen=True)
class Damage:
    """What a fault has done to the tables, for good."""

    lost: int
    doubled: int
    changed: int


def damage(undisturbed: OutputFolder, found: OutputFolder) -> Damage:
    """Count the rows of trials, curves and summary that are not those of an undisturbed search."""
    lost = doubled = changed = 0
    for name, key in (("trials", TRIAL_KEY), ("curves", CURVE_KEY), ("summary", ("study",))):
        expected, rows = (_rows(folder, name) for folder in (undisturbed, found))
        keys = Counter(tuple(row[part] for part in key) for row in rows)
        by_key = {tuple(row[part] for part in key): row for row in rows}
        wanted = {tuple(row[part] for part in key): row for row in expected}
        lost += len(wanted.keys() - keys.keys())
        doubled += sum(keys.values()) - len(keys)
        changed += sum(by_key[each] != wanted.get(each) for each in keys)
    return Damage(lost, doubled, changed)


def _rows(folder: OutputFolder, name: str) -> list[dict[str, Any]]:
    """The rows as they lie there, before any reader drops one that is there twice."""
    if name == "summary":
        table = folder.read_summary()
    else:
        parts = (folder.trials_by_study if name == "trials" else folder.curves_by_study)()
        table = pyarrow.concat_tables(parts.as_they_lie())
    kept = [column for column in table.column_names if column not in MEASURED]
    return [dict(row) for row in table.select(kept).to_pylist()]


def spec() -> Spec:
    """The search that is disturbed."""
    return load_spec(SPEC)


Fault = Callable[[str, Path, Random], None]
"""Runs the search to its end in an output folder, given by its URI; with a folder of its own."""


def _driver(uri: str, scratch: Path, *more: str, **environment: str) -> "subprocess.Popen[str]":
    path = scratch / "spec.yaml"
    path.write_text(yaml.safe_dump(dict(SPEC)))
    command = [sys.executable, "-m", "search", "run", str(path), "--out", uri, *more]
    return subprocess.Popen(
        command,
        cwd=PROJECT,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextlib.contextmanager
def _running(
    uri: str, scratch: Path, random: Random, *more: str, **environment: str
) -> Iterator["subprocess.Popen[str]"]:
    """A search in a process of its own, at a random moment from when its folder is one."""
    packs, share = random.randrange(PACKS - 1), random.random()
    with _driver(uri, scratch, *more, **environment) as driver:
        try:
            _poll(driver, Path(uri, "spec.yaml").exists)
            began = _poll(driver, lambda: _parts(uri) > 0 or packs == 0)
            reached = _poll(driver, lambda: _parts(uri) >= packs)
            pause = share * max(reached - began, 0.2) / max(packs, 1)
            _poll(driver, lambda: time.monotonic() > reached + pause)
            yield driver
        finally:
            driver.kill()


def _poll(driver: "subprocess.Popen[str]", happened: Callable[[], bool]) -> float:
    """Wait for something, with a limit; return when it happened, by the monotonic clock."""
    limit = time.monotonic() + LIMIT_SECONDS
    while not happened() and driver.poll() is None:
        assert time.monotonic() < limit, "waited in vain"
        time.sleep(0.005)  # polled with a limit
    return time.monotonic()


def _parts(uri: str) -> int:
    return len([*Path(uri).glob("trials/[!_]*.parquet")])


def _ended(driver: "subprocess.Popen[str]", *codes: int) -> str:
    """Wait for the end of a search that must end with one of these exit codes."""
    _, said = driver.communicate(timeout=LIMIT_SECONDS)
    assert driver.returncode in codes, f"exit code {driver.returncode}: {said}"
    assert "Traceback" not in said, said
    return said


def _go_on(uri: str, scratch: Path) -> None:
    """Finish the search, as its user would; where it had not begun, begin it."""
    if OutputFolder(uri).present(["spec.yaml"]):
        assert resume_search(uri).failed == {}
        return
    with _driver(uri, scratch) as driver:
        _ended(driver, 0)


def killed_driver(uri: str, scratch: Path, random: Random) -> None:
    """Kill -9 of the driver: its Ray and its workers die with it."""
    with _running(uri, scratch, random) as driver:
        driver.kill()
        driver.communicate()
    _go_on(uri, scratch)


def interrupted(uri: str, scratch: Path, random: Random) -> None:
    """Ctrl-C: exit code 130 (or 0, where it had just finished)."""
    _stopped(signal.SIGINT, uri, scratch, random)


def terminated(uri: str, scratch: Path, random: Random) -> None:
    """SIGTERM, as a cluster sends it before it takes a machine away."""
    _stopped(signal.SIGTERM, uri, scratch, random)


def _stopped(number: signal.Signals, uri: str, scratch: Path, random: Random) -> None:
    with _running(uri, scratch, random) as driver:
        driver.send_signal(number)
        _ended(driver, 130, 0)
    _go_on(uri, scratch)


def killed_worker(uri: str, scratch: Path, random: Random) -> None:
    """Kill -9 of a worker while it trains: the search tries its pack again by itself."""
    with _running(uri, scratch, random) as driver:
        _kill_one_of(workers_of(driver.pid), random)
        _ended(driver, 0)


def killed_idle_worker(uri: str, scratch: Path, random: Random) -> None:
    """Kill -9 of a worker that has ended its pack and was not given the next one yet."""
    with _running(uri, scratch, random) as driver:
        _poll(driver, lambda: bool(workers_of(driver.pid)))
        driver.send_signal(signal.SIGSTOP)  # it gives out no pack
        _poll(driver, lambda: not workers_of(driver.pid))
        _kill_one_of(workers_of(driver.pid, doing="PackTrainable"), random)
        driver.send_signal(signal.SIGCONT)
        _ended(driver, 0)


def _kill_one_of(processes: list[int], random: Random) -> None:
    if processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(random.choice(processes), signal.SIGKILL)


def interrupted_twice(uri: str, scratch: Path, random: Random) -> None:
    """Ctrl-C again and again: no file is torn, and nothing of its Ray stays behind."""
    with _running(uri, scratch, random) as driver:
        ray = [process for process, _ in processes_below(driver.pid)]
        pause = 2 * MOMENT_SECONDS * random.random()
        while driver.poll() is None:
            driver.send_signal(random.choice([signal.SIGINT, signal.SIGTERM]))
            with contextlib.suppress(subprocess.TimeoutExpired):
                driver.wait(pause)
            pause = 0.005
        _ended(driver, 130, 0)
    limit = time.monotonic() + GONE_SECONDS
    while any(_runs(process) for process in ray):
        assert time.monotonic() < limit, "a process of its Ray goes on"
        time.sleep(0.05)  # polled with a limit
    for part in Path(uri).glob("*/[!_]*.parquet"):
        pyarrow.parquet.read_table(part)
    _go_on(uri, scratch)


def _runs(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def workers_of(process: int, doing: str = "Pack(") -> list[int]:
    """The processes below one that train a pack, or whose title says that they do another thing."""
    below = processes_below(process)
    return [each for each, title in below if title.startswith(f"ray::{doing}")]


def processes_below(process: int) -> list[tuple[int, str]]:
    """The processes that a process began, those that they began, and so on, with their titles."""
    found, parents = [], {process}
    for line in subprocess.check_output(["ps", "-eo", "pid,ppid,args"], text=True).splitlines()[1:]:
        pid, parent, arguments = line.split(None, 2)
        if int(parent) in parents:
            parents.add(int(pid))
            found.append((int(pid), arguments))
    return found


def full_disk(uri: str, scratch: Path, random: Random) -> None:
    """A disk that fills up: the search fails with a message; with more room it goes on."""
    disk = scratch / "disk"
    disk.mkdir()
    size = random.randrange(100, 300)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", disk], check=True)
    try:
        with _driver(f"{disk}/out", scratch) as driver:
            said = _ended(driver, 1)
            assert "No space left on device" in said, said
        subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
        _go_on(f"{disk}/out", scratch)
        shutil.copytree(disk / "out", uri)
    finally:
        subprocess.run(["umount", disk], check=True)


def truncated_parts(uri: str, scratch: Path, random: Random) -> None:
    """Some parts of a finished search cut off anywhere: trained again."""
    finished(uri)
    parts = sorted(Path(uri).glob("*/[!_]*.parquet"))
    for part in random.sample(parts, random.randint(1, 3)):
        part.write_bytes(part.read_bytes()[: random.randrange(part.stat().st_size)])
    _go_on(uri, scratch)


def delivered_twice(uri: str, scratch: Path, random: Random) -> None:
    """Packs that two workers trained and wrote, one of them after the files were merged."""
    folder, results = OutputFolder(uri), _results()
    _begin(folder)
    searched = [key for key in results if key.phase == "search"]
    done = random.sample(searched, random.randint(2, len(searched)))
    for key in done:
        folder.write_pack(*key, results[key])
    for key in random.sample(done, random.randint(1, len(done))):
        rows = tuple(
            replace(row, worker="another", train_seconds=1.0) for row in results[key].trials
        )
        folder.write_pack(*key, replace(results[key], trials=rows))
    _go_on(uri, scratch)


def finished(uri: str) -> None:
    """Write the finished search, trained in this process."""
    folder, plan = OutputFolder(uri), SearchPlan(spec())
    _begin(folder)
    for key, result in _results().items():
        folder.write_pack(*key, result)
        plan.finish(key, result)
    folder.write_summary(summary_of(plan.finished_tallies, order=[*plan.studies]))


def _begin(folder: OutputFolder) -> None:
    folder.write_text("provenance.json", to_json([provenance(command_line(), spec())]))
    folder.write_text("spec.yaml", spec().to_yaml())


def _results() -> dict[PackKey, Any]:
    plan, results = SearchPlan(spec()), {}
    while pack := plan.next_pack():
        results[pack.key] = train_once(pack)
        plan.finish(pack.key, results[pack.key])
    return results


class FaultyProxy:
    """Stands before an object store: now and then it answers 503, hangs, or hangs up."""

    def __init__(self, store: ObjectStore, random: Random) -> None:
        """Serve on a port of its own."""
        self.faults: Counter[str] = Counter()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle(self) -> None:
                with contextlib.suppress(ConnectionError):
                    super().handle()

            def body(self) -> bytes:
                if "chunked" not in self.headers.get("Transfer-Encoding", ""):
                    return self.rfile.read(int(self.headers.get("Content-Length", 0)))
                chunks = []
                while size := int(self.rfile.readline().split(b";")[0], 16):
                    chunks.append(self.rfile.read(size))
                    self.rfile.readline()
                while self.rfile.readline().strip():
                    pass  # trailers
                return b"".join(chunks)

            def forward(self) -> None:
                body = self.body()
                drawn = random.random()
                if drawn < 0.03:
                    proxy.faults["503"] += 1
                    self.send_response(503)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                if drawn < 0.04:
                    proxy.faults["hung up"] += 1
                    self.close_connection = True
                    self.connection.close()
                    return
                if drawn < 0.06:
                    proxy.faults["hung"] += 1
                    proxy.stopped.wait(random.uniform(0.5, 4.0))
                with contextlib.closing(HTTPConnection("127.0.0.1", store.port)) as connection:
                    skipped = ("transfer-encoding", "content-length", "expect", "connection")
                    headers = {
                        name: value
                        for name, value in self.headers.items()
                        if name.lower() not in skipped
                    }
                    connection.request(self.command, self.path, body or None, headers)
                    answer = connection.getresponse()
                    content = answer.read()
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                        self.send_header(name, value)
                shown = answer.getheader("Content-Length") if self.command == "HEAD" else None
                self.send_header("Content-Length", shown or str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = forward

            def log_message(self, format: str, *arguments: object) -> None:
                """Nothing: it is the test's own."""

        self.stopped = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Serve no more."""
        self.stopped.set()
        self._server.shutdown()
        self._server.server_close()


def failing_store(store: ObjectStore, uri: str, scratch: Path, random: Random) -> None:
    """An object store that answers 503, hangs and hangs up: the search waits and goes on."""
    proxy = FaultyProxy(store, random)
    environment = {**store.environment, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{proxy.port}"}
    remote = f"s3://bucket/{scratch.name}-{random.randrange(10**9)}"
    try:
        with _driver(remote, scratch, **environment) as driver:
            _ended(driver, 0)
        assert proxy.faults.total() > 0
    finally:
        proxy.stop()
    with store.found():
        OutputFolder(remote).read_summary()
        _copy(OutputFolder(remote), Path(uri))


def _copy(folder: OutputFolder, out: Path) -> None:
    """The files of a search in a store, as they lie there."""
    storage = folder._storage
    for name in storage.files_below(""):
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(storage.read(name))


FAULTS: Mapping[str, Fault] = {
    "the driver killed": killed_driver,
    "a worker killed": killed_worker,
    "an idle worker killed": killed_idle_worker,
    "SIGINT": interrupted,
    "SIGTERM": terminated,
    "two signals": interrupted_twice,
    "a full disk": full_disk,
    "parts cut off": truncated_parts,
    "packs delivered twice": delivered_twice,
}
"""Those that need nothing but a folder."""
