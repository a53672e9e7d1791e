"""Drivers of Ray jobs: whether this is one, and how one is submitted again.

Imports nothing but the standard library.
"""

import os
import shlex

_VARIABLE = "RAY_JOB_CONFIG_JSON_ENV_VAR"
"""Ray sets it in the environment of a job's driver."""


def is_job_driver() -> bool:
    """Say whether Ray has started this process, or one that began it, for a job."""
    return _VARIABLE in os.environ


def resubmitting_command(out: str, address: str | None = None) -> str:
    """What a user types to go on with a search as a job, on the cluster at `address`.

    >>> resubmitting_command("/shared/my runs", "http://HEAD:8265")
    "dottune submit --resume --out '/shared/my runs' --shared-filesystem --address http://HEAD:8265"
    """
    shared = "" if "://" in out else " --shared-filesystem"
    return f"dottune submit --resume --out {shlex.quote(out)}{shared}{address_option(address)}"


def address_option(address: str | None) -> str:
    """What gives a further command the address that this one was given; empty without one."""
    return "" if address is None else f" --address {shlex.quote(address)}"
