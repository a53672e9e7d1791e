"""What a user types to go on with a search that has stopped."""

import shlex

from cluster.job_driver import is_job_driver


def resuming_command(uri: str) -> str:
    """The command for the place where this search ran: this machine, or a cluster as a job."""
    where = shlex.quote(uri)
    if not is_job_driver():
        return f"dottune resume {where}"
    shared = "" if "://" in uri else " --shared-filesystem"
    return f"dottune submit --resume --out {where}{shared}"
