"""An environment in which Ray doesn't start: the same probes in doctor and before a search."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cluster.connect import connected
from cluster.errors import ClusterError, RequestError
from cluster.local_ray import LONGEST_SOCKET, SOCKET_BYTES, startable, troubles

PROJECT = Path(__file__).parents[2]
VARIABLES = ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH", "RAY_AUTH_MODE", "RAY_TMPDIR", "TMPDIR")


@pytest.fixture(autouse=True)
def _healthy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


def test_nothing_is_wrong_where_home_and_tmp_can_be_written(tmp_path: Path) -> None:
    assert [*troubles()] == []
    before = dict(os.environ)
    with startable():
        assert dict(os.environ) == before
    assert (tmp_path / ".ray" / "auth_token").stat().st_mode & 0o77 == 0


@pytest.mark.parametrize("home", [None, "", "/dev/null", "/proc/none"])
def test_without_a_home_the_token_lives_in_this_process(
    home: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if home is None:
        monkeypatch.delenv("HOME")
    else:
        monkeypatch.setenv("HOME", home)
    (trouble,) = troubles()
    assert trouble.subject == "home"
    assert "HOME" in trouble.text
    assert "set HOME, or RAY_AUTH_TOKEN" in trouble.text
    with startable():
        token = os.environ["RAY_AUTH_TOKEN"]
        assert len(token) == 64
        assert token not in trouble.text + repr(trouble)
    assert "RAY_AUTH_TOKEN" not in os.environ
    monkeypatch.setenv("RAY_AUTH_TOKEN", "given")
    assert [*troubles()] == []


def test_a_folder_too_long_for_sockets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    most = SOCKET_BYTES - len(LONGEST_SOCKET)
    fitting = "/tmp/" + "x" * (most - 5)
    monkeypatch.setenv("TMPDIR", fitting)
    assert [*troubles()] == []
    monkeypatch.setenv("TMPDIR", fitting + "x")
    (trouble,) = troubles()
    assert f"is {most + 1} bytes long, and Ray's sockets leave room for {most}" in trouble.text
    with startable():
        assert os.environ["TMPDIR"] == "/tmp"
    assert os.environ["TMPDIR"] == fitting + "x"

    monkeypatch.setenv("RAY_TMPDIR", "/tmp")
    assert [*troubles()] == []
    monkeypatch.setenv("RAY_TMPDIR", fitting + "x")
    message = r"Ray can't be started on this machine: RAY_TMPDIR .* name another folder in RAY_TMP"
    with pytest.raises(RequestError, match=message), startable():
        pass


def test_ray_starts_and_doctor_says_the_same(tmp_path: Path) -> None:
    """A real Ray, where neither HOME nor TMPDIR is of use; its workers import what they must."""
    long = tmp_path / ("x" * 65)
    long.mkdir()
    script = (
        "from cluster.connect import connected\n"
        "with connected(worker_modules=['tabnanny']) as cluster:\n"
        "    import ray\n"
        "    def modules(): import sys; return sys.modules.keys() & {'tabnanny', 'wave'}\n"
        "    print(ray.get(ray.remote(modules).remote()), cluster)\n"
    )
    environment = os.environ | {
        "HOME": "/dev/null",
        "TMPDIR": str(long),
        "PYTHONPATH": str(PROJECT),
    }
    started, doctor = (
        subprocess.run(
            [sys.executable, *command],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        for command in (("-c", script), ("-m", "search", "doctor"))
    )
    assert started.returncode == 0, started.stderr
    assert started.stdout.startswith("{'tabnanny'} 1 node")
    assert doctor.returncode == 0, doctor.stdout + doctor.stderr
    warned = [line for line in doctor.stdout.splitlines() if line.startswith("WARN")]
    assert len(warned) == 2
    for line in warned:
        assert line.split(maxsplit=1)[1].split("  ")[-1].strip() in started.stderr


def test_processes_of_ray_that_do_not_start_are_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    def too_late(**options: object) -> None:
        raise Exception("The current node timed out during startup.")

    monkeypatch.setattr("ray.init", too_late)
    expected = (
        "Ray can't be reached on this machine: The current node timed out during startup; see"
    )
    with pytest.raises(ClusterError, match=expected), connected(None, meanwhile=lambda: None):
        pytest.fail("there is no Ray")
