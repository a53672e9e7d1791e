"""The first second of a command: a Python that lacks what is needed, and Ctrl-C."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster_tests.bare_environment import bare_python
from tests.cluster_tests.two_nodes import poll

PROJECT = Path(__file__).parents[2]
HEARING = (
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); "
    "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
)
"""Runs Python so that it hears Ctrl-C, also where these tests run in a shell's background."""


@pytest.mark.parametrize(
    ("job", "way_out"),
    [
        ({}, "install it (python -m pip install dottune"),
        (
            {"RAY_JOB_CONFIG_JSON_ENV_VAR": "{}"},
            "submit without --image-has-deps, so that every node installs it, or start Ray on each",
        ),
    ],
)
def test_what_is_missing_is_named_with_the_ways_out(
    tmp_path: Path, job: dict[str, str], way_out: str
) -> None:
    python = bare_python(tmp_path / "environment", without=("typer", "optuna", "torch"))
    ended = subprocess.run(
        [python, "-m", "search", "run", "smoke"],
        env=os.environ | job | {"PYTHONPATH": str(PROJECT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1
    assert f"{python} lacks what dottune needs: optuna, torch, typer; {way_out}" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("library", ["_pydantic_core", "_raylet"])
def test_an_interruption_in_the_first_seconds_has_a_word(tmp_path: Path, library: str) -> None:
    """Whatever it meets: the imports, which have come as far as `library`, or the start of Ray."""
    started = subprocess.Popen(
        [sys.executable, "-c", HEARING, "-m", "search", "run", "smoke", "--out", str(tmp_path)],
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    loaded = Path(f"/proc/{started.pid}/maps")
    poll(lambda: library in loaded.read_text(), f"the import of {library}")
    os.killpg(started.pid, signal.SIGINT)
    assert started.stderr is not None
    with started.stderr:
        said = started.stderr.read()
    # Python lets itself die of the signal, which a shell shows as 130, where it met code in exec().
    assert started.wait(timeout=60) in (130, -signal.SIGINT)
    assert "interrupted" in said
    assert "Traceback" not in said
