"""What a user types to go on with a search that has stopped."""

import os
import shlex

JOB_VARIABLE = "RAY_JOB_CONFIG_JSON_ENV_VAR"
"""Ray sets it in the environment of a job's driver."""


def resuming_command(uri: str) -> str:
    """The command for the place where this search ran: this machine, or a cluster as a job."""
    where = shlex.quote(uri)
    if JOB_VARIABLE not in os.environ:
        return f"dottune resume {where}"
    shared = "" if "://" in uri else " --shared-filesystem"
    return f"dottune submit --resume --out {where}{shared}"
