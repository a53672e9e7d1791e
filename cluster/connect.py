"""A connection to Ray: an existing cluster, or one started here for the length of a search."""

import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, wait
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import Any

from .address import member_address
from .errors import ClusterError
from .job_driver import is_job_driver
from .local_ray import ray_folder, startable
from .packages import package_folders
from .resources import Cluster, cluster_of
from .signals import Signals, abandon_workers, take_back
from .token import TOKEN_HINT, authenticate

logger = logging.getLogger(__name__)

REACHABLE_SECONDS = 10.0
"""Ray itself would try an address that nobody answers at for two minutes."""


@contextmanager
def connected(
    address: str | None = None,
    *,
    meanwhile: Callable[[], object] = lambda: None,
    worker_modules: Sequence[str] = (),
) -> Iterator[Cluster]:
    """Connect to the cluster at `address`, or start Ray on this machine; yield what it has.

    Ray's start takes seconds, most of them in other processes: `meanwhile` is called once, in this
    thread, while another one waits for it. The workers that a Ray started here begins with import
    `worker_modules` at once, before they are asked for anything.

    The workers of an existing cluster get the five packages from here, or from the job that this
    process is the driver of. A connection that the process has already is used and left open. In a
    command (`Signals`) this one is left open too, as Ray ends with the process; after an error or
    an interruption its workers are killed.

    Raises:
        ClusterError: Ray can't be reached.
        RequestError: `address` is none that a driver can connect to, or this machine's environment
            keeps Ray from starting.
    """
    if address is not None:
        _check_address(address)
        authenticate()
    _leave_working_directory()
    import ray

    if ray.is_initialized():
        meanwhile()
        yield _cluster()
        return
    with startable() if address is None else nullcontext():
        yield from _started(address, meanwhile, worker_modules)


def _started(
    address: str | None, meanwhile: Callable[[], object], worker_modules: Sequence[str]
) -> Iterator[Cluster]:
    import ray

    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address is None:
        # "local": RAY_ADDRESS, where it is set, is for those who ask for a cluster.
        options |= {"address": "local", "num_cpus": available_cpus()}
        options["_system_config"] = {"preload_python_modules": list(worker_modules)}
    else:
        options |= {"address": address, "runtime_env": _shipped()}
    command = Signals.of_process()
    if command is not None:
        command.holds_ray = True
    starting: Future[Any] = Future()
    over = threading.Event()
    threading.Thread(target=_begin, args=(options, starting, over), daemon=True).start()
    try:
        meanwhile()
        try:
            context = starting.result()
        except Exception as error:  # as Ray's where a node's processes don't start in time
            raise _unreachable(address, error) from error
        take_back()
        dashboard = context.dashboard_url or None
        yield replace(_cluster(), embedded=address is None, dashboard=dashboard)
        if command is not None:
            command.at_end = ray.shutdown
    except BaseException:
        if command is not None:
            abandon_workers()
        raise
    finally:
        if command is None:
            if not starting.done():
                logger.warning("interrupted while Ray starts: waiting for it, to end it in order")
                wait([starting])
            ray.shutdown()
            take_back()
            over.set()


def _begin(options: dict[str, Any], starting: "Future[Any]", over: threading.Event) -> None:
    """Start Ray in a thread that lives as long: Linux ends Ray's processes with their thread."""
    import ray

    try:
        starting.set_result(ray.init(**options))
    except BaseException as error:
        starting.set_exception(error)
    over.wait()


def available_cpus() -> int:
    """The processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _cluster() -> Cluster:
    import ray

    return cluster_of((node["Resources"], node["Labels"]) for node in ray.nodes() if node["Alive"])


def _shipped() -> dict[str, Any]:
    """The runtime environment that brings the packages; a job has brought them already."""
    return {} if is_job_driver() else {"py_modules": package_folders()}


def _check_address(address: str) -> None:
    """Refuse what is no address, and one where nobody answers."""
    place = member_address(address)
    if place is None:
        return
    try:
        socket.create_connection(place, timeout=REACHABLE_SECONDS).close()
    except (OSError, UnicodeError) as error:
        raise _unreachable(address, error) from error


def _leave_working_directory() -> None:
    """Leave the folder in which Ray starts a job's driver: it may go before the search ends."""
    if is_job_driver():
        os.chdir("/")


def _unreachable(address: str | None, error: Exception) -> ClusterError:
    where = "on this machine" if address is None else f"at {address}"
    reason = " ".join(str(error).split()).rstrip(".")
    if "Version mismatch" in reason:
        next_step = "install the cluster's versions of Ray and Python here, or submit a job"
    elif address is None:
        next_step = f"see `dottune doctor` and Ray's logs in {ray_folder()}/session_latest/logs"
    else:
        next_step = f"check the address and that the cluster is up, and {TOKEN_HINT}"
    return ClusterError(f"Ray can't be reached {where}: {reason}; {next_step}")
