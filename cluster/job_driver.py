"""Whether this process is the driver of a Ray job; imports nothing but the standard library."""

import os

_VARIABLE = "RAY_JOB_CONFIG_JSON_ENV_VAR"
"""Ray sets it in the environment of a job's driver."""


def is_job_driver() -> bool:
    """Say whether Ray has started this process, or one that began it, for a job."""
    return _VARIABLE in os.environ
