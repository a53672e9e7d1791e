"""A cluster seen through its dashboard's HTTP address, with errors that a user can act on."""

import http.client
import logging
import os
import platform
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .address import ADDRESS_VARIABLES, dashboard_address
from .errors import ClusterError
from .head_node import SUPERVISOR, head_node_fault, supervisor_fault
from .reason import reason_of
from .resources import Cluster, cluster_of
from .token import TOKEN_HINT, authenticate

ANSWER_SECONDS = 10.0
"""A cluster that has not answered by then counts as unreachable."""
_MOST_STATES = 10_000
"""As many as the dashboard gives; unasked it gives 100, and counts nodes that have gone."""
_UNUSABLE = (OSError, RuntimeError, ValueError, KeyError, TypeError)
"""What comes of a network, and of an answer of another kind than was asked for."""
CHATTY_LOGGERS = (
    "ray._private.runtime_env.packaging",
    "ray.dashboard.modules.dashboard_sdk",
    "ray.dashboard.modules.job.sdk",
)
"""What these say at level INFO (uploads, closed sockets) is of no use to a user."""


class Dashboard:
    """A connection to the dashboard of a running cluster; `client` is Ray's own for jobs."""

    def __init__(self, address: str | None) -> None:
        """Connect to http://HEAD:8265; None: to the address in Ray's environment variables.

        Raises:
            RequestError: the address is none of a dashboard, or there is none.
            ClusterError: nothing answers there, or it refuses the token.
        """
        self.address = dashboard_address(address)
        authenticate()
        with self.explained():
            self._check_reachable()
            from ray.job_submission import JobSubmissionClient

            for name in CHATTY_LOGGERS:
                logging.getLogger(name).setLevel(logging.WARNING)
            # Ray lets its environment variables win over the argument.
            before = os.environ.get(ADDRESS_VARIABLES[0])
            os.environ[ADDRESS_VARIABLES[0]] = self.address
            try:
                self.client = JobSubmissionClient(self.address)
            finally:
                del os.environ[ADDRESS_VARIABLES[0]]
                if before is not None:
                    os.environ[ADDRESS_VARIABLES[0]] = before

    def versions(self) -> tuple[str, str]:
        """The cluster's versions of Ray and Python."""
        metadata = self._get("/api/v0/cluster_metadata")
        return metadata["rayVersion"], metadata["pythonVersion"]

    def cluster(self) -> Cluster:
        """The nodes that are up."""
        alive = "&filter_keys=state&filter_predicates=%3D&filter_values=ALIVE"
        return cluster_of(
            (node["resources_total"], node["labels"] or {}) for node in self._states("nodes", alive)
        )

    def head_node_fault(self) -> str | None:
        """What is wrong with the head node, without which no job starts or ends; None: nothing."""
        return head_node_fault(self._states("nodes"))

    def supervisor_fault(self, job: str) -> str | None:
        """Why nobody watches the job with this id any more; None if somebody does."""
        name = urllib.parse.quote(SUPERVISOR + job)
        one = f"&filter_keys=name&filter_predicates=%3D&filter_values={name}"
        return supervisor_fault(self._states("actors", one))

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turn the errors of Ray's client and of the network into one clear ClusterError."""
        import aiohttp
        from ray.exceptions import AuthenticationError

        try:
            yield
        except AuthenticationError as error:
            problem = "refuses the token" if "invalid" in str(error).lower() else "wants a token"
            raise ClusterError(f"the cluster at {self.address} {problem}; {TOKEN_HINT}") from error
        except http.client.HTTPException as error:
            raise ClusterError(
                f"what answers at {self.address} is no dashboard; give the dashboard's address, "
                "http://HEAD:8265 (6379 is the port of the cluster itself)"
            ) from error
        except (*_UNUSABLE, aiohttp.ClientError) as error:
            # A pipe that breaks is that of our own output: the network's errors are others.
            if isinstance(error, (ClusterError, BrokenPipeError)):
                raise
            raise ClusterError(
                f"the cluster at {self.address} can't be used: {reason_of(error)}; "
                "check the address (the dashboard's, http://HEAD:8265) and that the cluster is up"
            ) from error

    def _check_reachable(self) -> None:
        """Ask for an answer of any kind: Ray's client would wait for one without a limit."""
        try:
            urllib.request.urlopen(f"{self.address}/api/version", timeout=ANSWER_SECONDS).close()
        except urllib.error.HTTPError as error:  # such as "401 Unauthorized": it is there
            error.close()

    def _states(self, kind: str, filter: str = "") -> list[dict[str, Any]]:
        answer = self._get(f"/api/v0/{kind}?detail=true&limit={_MOST_STATES}{filter}")
        states: list[dict[str, Any]] = answer["result"]["result"]
        return states

    def _get(self, path: str) -> Any:
        # The client has no public way to the other parts of the dashboard; the version is pinned.
        with self.explained():
            response = self.client._do_request("GET", path, timeout=ANSWER_SECONDS)
            response.raise_for_status()
            return response.json()["data"]


def check_versions(cluster: tuple[str, str]) -> None:
    """Compare the cluster's versions of Ray and Python with those of this process.

    Raises:
        ClusterError: Ray differs, or Python beyond its micro version: what is pinned here would
            not fit there.
    """
    import ray

    here = (ray.__version__, platform.python_version())
    if (cluster[0], _minor(cluster[1])) == (here[0], _minor(here[1])):
        return
    raise ClusterError(
        f"the cluster has Ray {cluster[0]} and Python {cluster[1]}, but this is Ray {here[0]} and "
        f"Python {here[1]}; start the cluster with this Ray and Python {_minor(here[1])} (an image "
        f"such as rayproject/ray:{here[0]}-py{_minor(here[1]).replace('.', '')}), or install here "
        "what the cluster has"
    )


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])
