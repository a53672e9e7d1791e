"""What is wrong with this installation and with a cluster, as far as can be told from here."""

import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass

from .address import ADDRESS_VARIABLES
from .dashboard import Dashboard, check_versions
from .errors import ClusterError, RequestError
from .local_ray import ray_folder, troubles
from .node_probe import Node, ask_node
from .packages import dependencies, shadowed_packages
from .requirements import installed_version
from .token import TOKEN_HINT, read_token


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    subject: str
    healthy: bool
    warning: bool = False
    """Whether it works and yet deserves a look."""
    text: str
    """What was found and, where it is not healthy, what to do about it."""


def installation_findings() -> Iterator[Finding]:
    """Versions of Python and of the dependencies; whether the packages are this project's."""
    yield Finding(subject="Python", healthy=True, text=platform.python_version())
    for name, requirement in sorted(dependencies().items()):
        version = installed_version(name)
        if version is None:
            text = f"not installed, but {requirement} is needed; install it"
            yield Finding(subject=name, healthy=False, text=text)
            continue
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


def local_findings() -> Iterator[Finding]:
    """What would keep a Ray from starting on this machine: the same that a search looks at."""
    try:
        found = list(troubles())
    except RequestError:  # of the token, which has a finding of its own
        return
    for trouble in found:
        cured = trouble.cure is not None
        yield Finding(subject=trouble.subject, healthy=cured, warning=cured, text=trouble.text)
    if not found:
        yield Finding(subject="temporary files", healthy=True, text=f"Ray's go to {ray_folder()}")


def cluster_findings(address: str | None, out: str | None = None) -> Iterator[Finding]:
    """The token and, with an address (given or Ray's variables'), the cluster behind it.

    Whether `out` can be written is tried from a node, with that node's credentials.
    """
    needless = not (address or any(map(os.environ.get, ADDRESS_VARIABLES)))
    yield _token(needless)
    if needless:
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
        yield from _node_findings(ask_node(dashboard, out), out)
    except ClusterError as error:
        yield Finding(subject="cluster", healthy=False, text=str(error))


def _node_findings(node: Node, out: str | None) -> Iterator[Finding]:
    text = f"{node.host}: jobs run {node.executable}, Python {node.python}"
    yield Finding(subject="node", healthy=True, text=text)
    fits = dependencies()
    other = [
        f"{name} {version or '(none)'}"
        for name, version in node.versions.items()
        if version is None or not fits[name].specifier.contains(version, prereleases=True)
    ]
    text = ", ".join(f"{name} {version}" for name, version in sorted(node.versions.items()))
    if other:
        text = f"{', '.join(other)}; `dottune submit` installs what is needed, unless given "
        text += "--image-has-deps"
    yield Finding(subject="node's packages", healthy=True, warning=bool(other), text=text)
    if out is not None:
        text = node.fault or f"{out} can be written"
        text = f"from the node {node.host}: {text}"
        yield Finding(subject="output folder", healthy=node.fault is None, text=text)


def _token(needless: bool) -> Finding:
    try:
        token = read_token()
    except RequestError as error:
        return Finding(subject="token", healthy=False, text=str(error))
    if token is None:
        text = "none, and none needed without a cluster" if needless else f"none; {TOKEN_HINT}"
        return Finding(subject="token", healthy=needless, text=text)
    text = f"taken from {token.source}"
    if token.exposed:
        text += f"; {token.exposed}"
    return Finding(subject="token", healthy=True, warning=token.exposed is not None, text=text)


def _head_node(dashboard: Dashboard) -> Finding:
    fault = dashboard.head_node_fault()
    if fault is None:
        return Finding(subject="head node", healthy=True, text="it is alive")
    text = f"{fault}; no job can start or be stopped there: start the cluster again"
    return Finding(subject="head node", healthy=False, text=text)
