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

from spaces import Spec, load_spec

from ..text.json_text import json_text
from ..version import __version__

Record = dict[str, Any]
"""What is known of one execution of a search, a run or a resume; JSON."""

PACKAGES = ("ray", "torch", "optuna", "pyarrow", "numpy", "scipy")


def provenance(command: Sequence[str], spec: Spec) -> Record:
    """The record of a run that begins now; `command` is the command line.

    With the whole `spec`, which says what the rows were made from: see `made_from`.
    """
    return {
        "command": shlex.join(command),
        "started_at": now(),
        "finished_at": None,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": _processor(),
        "gpus": _gpus(),
        "packages": {"dottune": __version__} | {name: version(name) for name in PACKAGES},
        "commit": _commit(),
        "spec": spec.to_mapping(),
    }


def to_json(records: Sequence[Record]) -> str:
    """The text of provenance.json: the record of the run, then one for each resume."""
    return json_text({"executions": list(records)}) + "\n"


def from_json(text: str) -> list[Record]:
    """The records of a provenance.json. Raises ValueError for another text.

    The first release called them runs.
    """
    try:
        content = json.loads(text)
        records = content["runs"] if "runs" in content else content["executions"]
        runs = [
            {
                **record,
                "finished_at": record["finished_at"],
                "packages": dict(record["packages"]),
            }
            for record in records
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"got {type(error).__name__}: {error}") from error
    return runs


def made_from(records: Sequence[Record]) -> Spec | None:
    """The spec of the latest run, whose rows and all earlier ones it fits.

    None where no record has one: an earlier release of dottune wrote none. Raises ValueError for
    one that can't be read.
    """
    specs = [record["spec"] for record in records if "spec" in record]
    if not specs:
        return None
    try:
        return load_spec(dict(specs[-1]))
    except (ValueError, TypeError) as error:
        raise ValueError(f"got no spec: {error}") from error


def environment_changes(records: Sequence[Record]) -> str:
    """What of the machine and the packages was another in the first execution than in the last.

    Empty if nothing is known to differ. Other versions, or another kind of processor, may round
    differently.
    """
    if len(records) < 2:
        return ""
    first, last = (_environment(record) for record in (records[0], records[-1]))
    return ", ".join(
        f"{name} {first[name]} (now {last[name]})"
        for name in last
        if name in first and first[name] != last[name]
    )


def _environment(record: Record) -> dict[str, str]:
    named = {name: record.get(name) for name in ("python", "processor")}
    return {name: str(value) for name, value in named.items() if value} | {
        str(name): str(value) for name, value in record["packages"].items()
    }


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def command_line() -> list[str]:
    """This process's command line, the program by its name alone."""
    return [Path(sys.argv[0]).name, *sys.argv[1:]]


def _gpus() -> list[str]:
    """The GPUs of this machine by name."""
    devices = ("nvidia[0-9]*", "kfd", "dxg")  # of NVIDIA, of AMD, of Windows' Linux
    if not any(any(Path("/dev").glob(device)) for device in devices):
        return []
    import torch  # takes a second or two

    return [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]


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
