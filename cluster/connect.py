"""A connection to Ray: an existing cluster, or one started here for the length of a search."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class ClusterError(RuntimeError):
    """The cluster can't be reached, or can't do what was asked."""


@contextmanager
def connected(address: str | None = None) -> Iterator[dict[str, float]]:
    """Connect to the cluster at `address`, or start Ray on this machine; yield its resources.

    A connection that the process has already is used and left open. Raises ClusterError.
    """
    if address is not None:
        # Ray reads the mode when it is imported; the token stays where Ray looks for it.
        os.environ.setdefault("RAY_AUTH_MODE", "token")
    import ray

    if ray.is_initialized():
        yield ray.cluster_resources()
        return
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    try:
        if address is None:
            ray.init(num_cpus=available_cpus(), include_dashboard=False, **options)
        else:
            ray.init(address=address, **options)
    except (ConnectionError, RuntimeError, ValueError) as error:
        where = "on this machine" if address is None else f"at {address}"
        raise ClusterError(
            f"Ray can't be reached {where}: {str(error).splitlines()[0]}; "
            "check the address and that the cluster is up"
        ) from error
    try:
        yield ray.cluster_resources()
    finally:
        ray.shutdown()


def available_cpus() -> int:
    """The processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
