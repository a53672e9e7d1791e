"""Where a search's numbers come from: versions, machine, command, dates."""

import json
import platform
import shlex
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from results import OutputError

from .version import __version__

PACKAGES = ("ray", "torch", "optuna", "pyarrow", "numpy", "scipy")


def provenance(command: Sequence[str]) -> dict[str, Any]:
    """The record of a run that begins now; `command` is the command line."""
    return {
        "command": shlex.join(command),
        "started_at": now(),
        "finished_at": None,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": _processor(),
        "gpus": [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())],
        "packages": {"dottune": __version__} | {name: version(name) for name in PACKAGES},
        "commit": _commit(),
    }


def to_json(records: Sequence[dict[str, Any]]) -> str:
    """The text of provenance.json: one record a run, the resumed ones after the first."""
    return json.dumps({"runs": list(records)}, indent=2) + "\n"


def from_json(text: str) -> list[dict[str, Any]]:
    """The records of a provenance.json. Raises OutputError for another text."""
    try:
        runs = [
            {**record, "finished_at": record["finished_at"]} for record in json.loads(text)["runs"]
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise OutputError(
            f"provenance.json must be as dottune wrote it; got {type(error).__name__}: {error}; "
            "put the file back, or run its spec.yaml again in another folder"
        ) from error
    return runs


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def command_line() -> list[str]:
    """This process's command line, the program by its name alone."""
    return [Path(sys.argv[0]).name, *sys.argv[1:]]


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _commit() -> str | None:
    """The commit of the checkout that this package runs from, if it is one."""
    try:
        done = subprocess.run(
            ["git", "rev-parse", "HEAD"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            timeout=5,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None
