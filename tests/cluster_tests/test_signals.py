"""Two signals to one process: the first ends it in order, the second at once."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from cluster.signals import MOMENT_SECONDS

LIMIT_SECONDS = 120
STUBBORN = """
import sys
from cluster.signals import Signals

Signals().install()
try:
    print("ready", flush=True)
    sys.stdin.read()
except KeyboardInterrupt:
    print("interrupted", flush=True)
sys.stdin.read()
print("ended", flush=True)
"""
"""Takes the first signal and goes on until its input ends."""


@pytest.fixture
def stubborn() -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-c", STUBBORN]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM])
def test_the_second_signal_ends_the_process(
    stubborn: "subprocess.Popen[str]", first: signal.Signals, second: signal.Signals
) -> None:
    assert stubborn.stdout is not None
    stubborn.send_signal(first)
    assert stubborn.stdout.readline() == "interrupted\n"
    time.sleep(2 * MOMENT_SECONDS)  # somebody presses Ctrl-C again
    stubborn.send_signal(second)
    said, errors = stubborn.communicate(timeout=LIMIT_SECONDS)
    assert stubborn.returncode == 130
    assert said == ""
    assert errors == "left at once; `dottune resume` goes on with a search from what has finished\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_second_ends_a_process_that_is_in_code_of_another_language(
    number: signal.Signals,
) -> None:
    """Python's handlers wait until that returns: a store that hangs, say."""
    script = """
import hashlib
from cluster.signals import Signals

def wait():
    hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)  # takes minutes

Signals().install()
try:
    print("ready", flush=True)
    wait()
except KeyboardInterrupt:  # it had not begun
    wait()
"""
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            process.send_signal(number)
            time.sleep(2 * MOMENT_SECONDS)  # somebody presses Ctrl-C again
            process.send_signal(number)
            assert process.wait(timeout=LIMIT_SECONDS) == 130
        finally:
            process.kill()


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_last_moments_leaves_the_exit_code(stop: signal.Signals) -> None:
    """While Python takes itself apart, which takes a second after a search."""
    script = """
import os, sys
from cluster.signals import Signals

class Late:
    def __del__(self, kill=os.kill, process=os.getpid(), number=int(sys.argv[1])):
        kill(process, number)

Signals().install()
late = Late()
sys.exit(3)
"""
    command = [sys.executable, "-c", script, str(int(stop))]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_SECONDS)
    assert (ended.returncode, ended.stderr) == (3, "")


def test_signals_of_one_moment_are_one(stubborn: "subprocess.Popen[str]") -> None:
    stubborn.send_signal(signal.SIGSTOP)
    stubborn.send_signal(signal.SIGINT)
    stubborn.send_signal(signal.SIGTERM)
    stubborn.send_signal(signal.SIGCONT)  # both are waiting for it
    assert stubborn.stdout is not None
    assert stubborn.stdout.readline() == "interrupted\n"
    said, errors = stubborn.communicate(timeout=LIMIT_SECONDS)
    assert (stubborn.returncode, said, errors) == (0, "ended\n", "")


def test_ray_leaves_the_signals_of_a_command_as_they_are() -> None:
    """A search is over, and its summary is being written, say."""
    script = """
import os, signal, sys
from cluster.connect import connected
from cluster.signals import Signals

signals = Signals()
signals.install()
with connected() as cluster:
    print(cluster.embedded, flush=True)
try:
    os.kill(os.getpid(), signal.SIGTERM)
    print("not heard", flush=True)
except KeyboardInterrupt:
    signals.leave(130)
"""
    command = [sys.executable, "-c", script]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_SECONDS)
    assert (ended.returncode, ended.stdout) == (130, "True\n"), ended.stderr


def test_ray_leaves_the_handlers_of_who_calls_a_search() -> None:
    """Ray itself gives SIGTERM its default action when it is shut down."""
    script = """
import os, signal
from cluster.connect import connected

signal.signal(signal.SIGTERM, lambda number, frame: print("heard", flush=True))
with connected() as cluster:
    os.kill(os.getpid(), signal.SIGTERM)
os.kill(os.getpid(), signal.SIGTERM)
print("goes on", flush=True)
"""
    command = [sys.executable, "-c", script]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_SECONDS)
    assert (ended.returncode, ended.stdout) == (0, "heard\nheard\ngoes on\n"), ended.stderr
