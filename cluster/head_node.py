"""Whether the head node, which starts and watches all jobs, is there: from the dashboard's answers.

The dashboard and its list of jobs outlive the head node's raylet and agent, so a job may be called
RUNNING long after there is nobody left to end it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

SUPERVISOR = "_ray_internal_job_actor_"
"""Ray's actor that starts a job's driver and writes down its end is called so, and the job's id."""

Answer = Mapping[str, Any]
"""One node or actor of the dashboard's state API, in detail."""


def head_node_fault(nodes: Sequence[Answer]) -> str | None:
    """Say what is wrong with the head node; None if nothing is.

    >>> head_node_fault([{"is_head_node": True, "state": "ALIVE"}])
    >>> head_node_fault([{"is_head_node": True, "state": "DEAD", "state_message": "gone"}])
    'the head node is DEAD (gone)'
    """
    heads = [node for node in nodes if node.get("is_head_node")]
    if any(node["state"] == "ALIVE" for node in heads):
        return None
    if not heads:
        return "no node is the head node"
    state, reason = heads[-1]["state"], _words(heads[-1].get("state_message"))
    return f"the head node is {state}{reason}"


def supervisor_fault(supervisors: Sequence[Answer]) -> str | None:
    """Say why nobody watches a job any more, given its supervisors; None if somebody does.

    A job that is still being prepared may have no supervisor yet.
    """
    if not supervisors or any(each["state"] != "DEAD" for each in supervisors):
        return None
    causes = (supervisors[-1].get("death_cause") or {}).values()
    reason = next((cause.get("error_message") for cause in causes if isinstance(cause, dict)), None)
    return f"its supervisor is DEAD{_words(reason)}"


def _words(reason: str | None) -> str:
    """The reason in brackets: its first line, as what follows is about Ray's own files."""
    lines = (reason or "").strip().splitlines()
    return f" ({lines[0].strip().rstrip('.')})" if lines else ""
