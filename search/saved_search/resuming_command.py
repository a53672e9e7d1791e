"""What a user types to go on with a search that has stopped."""

import shlex

from cluster.job_driver import is_job_driver, resubmitting_command


def resuming_command(uri: str) -> str:
    """The command for the place where this search ran: this machine, or a cluster as a job."""
    if is_job_driver():
        return resubmitting_command(uri)
    return f"dottune resume {shlex.quote(uri)}"
