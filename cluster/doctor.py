"""What is wrong with this installation and with a cluster, as far as can be told from here."""

import importlib.metadata
import platform
from collections.abc import Iterator
from dataclasses import dataclass

from .dashboard import Dashboard, check_versions
from .errors import ClusterError
from .packages import dependencies, shadowed_packages
from .token import TOKEN_HINT, token_source


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    subject: str
    healthy: bool
    text: str
    """What was found and, where it is not healthy, what to do about it."""


def installation_findings() -> Iterator[Finding]:
    """Versions of Python and of the dependencies; whether the packages are this project's."""
    yield Finding(subject="Python", healthy=True, text=platform.python_version())
    for name, requirement in sorted(dependencies().items()):
        version = importlib.metadata.version(name)
        healthy = requirement.specifier.contains(version, prereleases=True)
        text = version if healthy else f"{version}, but {requirement} is needed; install it"
        yield Finding(subject=name, healthy=healthy, text=text)
    shadowed = shadowed_packages()
    for name, folder in shadowed.items():
        where = f"found in {folder}" if folder else "not found"
        text = f"{where}, which is not dottune's; start from another folder or rename that one"
        yield Finding(subject=f"package {name}", healthy=False, text=text)
    if not shadowed:
        yield Finding(subject="packages", healthy=True, text="all five are dottune's")


def cluster_findings(address: str | None) -> Iterator[Finding]:
    """The token and, with an address, the cluster behind that dashboard."""
    source = token_source()
    if source is not None:
        yield Finding(subject="token", healthy=True, text=f"taken from {source}")
    else:
        needless = address is None
        text = "none, and none needed without a cluster" if needless else f"none; {TOKEN_HINT}"
        yield Finding(subject="token", healthy=needless, text=text)
    if address is None:
        return
    try:
        dashboard = Dashboard(address)
        yield Finding(subject="dashboard", healthy=True, text=f"{dashboard.address} answers")
        yield Finding(subject="cluster", healthy=True, text=str(dashboard.cluster()))
        yield _head_node(dashboard)
        versions = dashboard.versions()
        check_versions(versions)
        text = f"Ray {versions[0]}, Python {versions[1]}"
        yield Finding(subject="cluster versions", healthy=True, text=text)
    except ClusterError as error:
        yield Finding(subject="cluster", healthy=False, text=str(error))


def _head_node(dashboard: Dashboard) -> Finding:
    fault = dashboard.head_node_fault()
    if fault is None:
        return Finding(subject="head node", healthy=True, text="it is alive")
    text = f"{fault}; no job can start or be stopped there: start the cluster again"
    return Finding(subject="head node", healthy=False, text=text)
