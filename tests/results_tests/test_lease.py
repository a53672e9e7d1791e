"""Who may write to a folder: one process, until it ends in whatever way."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from results import OutputFolder, lease
from results.lease import NAME, Lease, OutputInUse
from tests.object_store import object_store

HOLD = """
import sys, time
from results import OutputFolder
from results.lease import Lease
with Lease(OutputFolder(sys.argv[1]), say=print):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    with object_store() as store, store.found():
        yield "s3://bucket"


@pytest.fixture(params=["a local folder", "an object store"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> OutputFolder:
    if request.param == "a local folder":
        return OutputFolder(tmp_path)
    bucket = request.getfixturevalue("bucket")
    return OutputFolder(f"{bucket}/{request.node.callspec.id.replace(' ', '-')}/{tmp_path.name}")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same as always, in a fraction of the time."""
    monkeypatch.setattr(lease, "RENEW_SECONDS", 0.1)
    monkeypatch.setattr(lease, "WATCH_SECONDS", 1.5)
    monkeypatch.setattr(lease, "_POLL_SECONDS", 0.1)


def held(folder: OutputFolder, said: list[str] | None = None) -> Lease:
    return Lease(folder, say=([] if said is None else said).append)


def content(folder: OutputFolder) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(folder.read_text(NAME))
    return found


def elsewhere(folder: OutputFolder) -> None:
    """As if the holder were on a machine that nothing is known of."""
    folder.write_text(NAME, json.dumps(content(folder) | {"place": "elsewhere", "token": "other"}))


def test_one_process_at_a_time_holds_it(folder: OutputFolder) -> None:
    with held(folder):
        with pytest.raises(OutputInUse, match=f"is being written by process {os.getpid()} on "):
            held(folder).__enter__()
        assert content(folder)["process"] == os.getpid()
    assert folder.present([NAME]) == []
    with held(folder):
        pass


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGSTOP])
def test_a_killed_process_holds_nothing_and_a_stopped_one_does(
    folder: OutputFolder, end: signal.Signals
) -> None:
    command = [sys.executable, "-c", HOLD, folder.uri]
    said: list[str] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            process.send_signal(end)
            if end == signal.SIGSTOP:
                with pytest.raises(OutputInUse, match=f"process {process.pid} on"):
                    held(folder, said).__enter__()
            else:
                os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # not reaped yet
                with held(folder, said):
                    assert content(folder)["process"] == os.getpid()
        finally:
            process.kill()
    assert said == []  # without any wait


def test_another_process_with_its_number_is_another(folder: OutputFolder) -> None:
    with held(folder):
        before = content(folder)
    folder.write_text(NAME, json.dumps(before | {"process_began": "1"}))
    with held(folder):
        assert content(folder)["token"] != before["token"]


@pytest.mark.usefixtures("quick")
def test_a_lease_of_another_machine_counts_while_it_is_renewed(folder: OutputFolder) -> None:
    with held(folder):
        before = content(folder)
    folder.write_text(NAME, json.dumps(before | {"place": "elsewhere"}))
    ended = threading.Event()

    def renew() -> None:
        renewals = 0
        while not ended.wait(0.1):
            renewals += 1
            there = before | {"place": "elsewhere", "renewals": renewals}
            folder.write_text(NAME, json.dumps(there))

    renewing = threading.Thread(target=renew)
    renewing.start()
    said: list[str] = []
    with pytest.raises(OutputInUse):
        held(folder, said).__enter__()
    ended.set()
    renewing.join()
    assert "may be in use by process" in said[0]
    with held(folder, said):  # it isn't renewed any more
        assert content(folder)["place"] != "elsewhere"
    assert len(said) == 2


@pytest.mark.usefixtures("quick")
def test_who_lost_it_hears_of_it(folder: OutputFolder) -> None:
    """After a laptop's sleep, say: another process took it meanwhile, and keeps it."""
    heard = threading.Event()
    with held(folder) as mine:
        mine.when_lost = heard.set
        began = content(folder)["renewals"]
        deadline = time.monotonic() + 20
        while content(folder)["renewals"] == began:
            assert time.monotonic() < deadline, "it isn't renewed"
        elsewhere(folder)  # may fall between a renewal's reading and its writing: then once more
        while not heard.wait(0.5):
            assert time.monotonic() < deadline, "it isn't missed"
            elsewhere(folder)
        assert mine.lost_to is not None
        assert mine.lost_to.startswith("process ")
    assert content(folder)["token"] == "other"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"token": 1}', "null"])
def test_what_is_no_lease_is_none(folder: OutputFolder, text: str) -> None:
    folder.write_text(NAME, text)
    with held(folder):
        assert content(folder)["process"] == os.getpid()
