"""`python -m search.commands.node_report OUT`: what a node of a cluster has, as one line of JSON.

`dottune doctor` runs it there as a job. It must start where nothing but Ray is installed.
"""

import json
import platform
import socket
import sys

from cluster.requirements import installed_version, requirement_names


def node_report(out: str) -> dict[str, object]:
    """What this machine has; `out` "" or an output folder, in which writing is tried.

    `versions` has None for what is not installed, `fault` is None where nothing is wrong.
    """
    return {
        "host": socket.gethostname(),
        "executable": sys.executable,
        "python": platform.python_version(),
        "versions": {name: installed_version(name) for name in requirement_names()},
        "fault": _fault(out) if out else None,
    }


def _fault(out: str) -> str | None:
    try:
        from results import OutputError, OutputFolder
    except ImportError as error:
        return f"it can't be tried where {error.name} is not installed"
    try:
        OutputFolder(out).check_writable()
    except OutputError as error:
        return str(error)
    return None


if __name__ == "__main__":
    print(json.dumps(node_report(sys.argv[1])))
