"""Where the numbers come from: every execution of the search, and its whole spec."""

from collections.abc import Mapping, Sequence
from typing import Any

from .findings import Findings
from .tables import escaped, folded, table


def provenance(findings: Findings) -> str:
    """A table for each execution, then the spec."""
    search = findings.search
    parts = [_execution(number, record) for number, record in enumerate(search.executions)]
    if len(parts) > 2:
        parts = [parts[0], folded(f"{len(parts) - 1} later executions", "\n".join(parts[1:]))]
    spec = f"<pre tabindex=0>{escaped(search.spec)}</pre>"
    return "\n".join([*parts, folded("The spec, complete with defaults", spec)])


def _execution(number: int, record: Mapping[str, Any]) -> str:
    packages = record.get("packages") or {}
    facts = {
        "command": record.get("command"),
        "began": record.get("started_at"),
        "ended": record.get("finished_at") or "not to its end",
        "processor": record.get("processor"),
        "GPUs": ", ".join(map(str, record.get("gpus") or [])),
        "platform": record.get("platform"),
        "python": record.get("python"),
        "packages": ", ".join(f"{name} {version}" for name, version in packages.items()),
        "commit": record.get("commit"),
    }
    rows: Sequence[Sequence[str]] = [[name, str(value)] for name, value in facts.items() if value]
    return table([f"execution {number}", ""], rows, caption=f"Execution {number}")
