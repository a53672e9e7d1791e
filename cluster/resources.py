"""What a cluster has, what a worker asks for, and whether the one can ever give the other."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from spaces import Resources

from .errors import RequestError

ACCELERATOR_LABEL = "ray.io/accelerator-type"
NODE_GROUP_LABEL = "ray.io/node-group"
"""Only nodes that an autoscaler (or KubeRay) has started carry it."""
ROUNDING = 1e-9
"""Sums of fractions are compared within this."""


@dataclass(frozen=True, kw_only=True)
class Node:
    """One node of a cluster: what it has in all, whoever uses it now."""

    cpus: float
    gpus: float
    labels: Mapping[str, str]

    @classmethod
    def of(cls, resources: Mapping[str, float], labels: Mapping[str, str]) -> "Node":
        """The node with these of Ray's resources and labels."""
        return cls(cpus=resources.get("CPU", 0.0), gpus=resources.get("GPU", 0.0), labels=labels)

    @property
    def accelerator(self) -> str | None:
        """The type of its GPUs, as Ray names it (H200)."""
        return self.labels.get(ACCELERATOR_LABEL)

    def __str__(self) -> str:
        """The node in words."""
        text = _amount(self.cpus, "CPU")
        if self.gpus:
            text += " and " + _amount(self.gpus, "GPU")
        return f"{text} ({self.accelerator})" if self.accelerator else text


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """The nodes that are up, and whether there may be more of them later."""

    nodes: tuple[Node, ...]
    embedded: bool = False
    """Started here for the length of a search: no node will ever join."""
    dashboard: str | None = None
    """Where the Ray dashboard answers: HOST:PORT; None if it is not known or there is none."""

    @property
    def autoscales(self) -> bool:
        """Whether nodes of other kinds than today's may come."""
        return any(NODE_GROUP_LABEL in node.labels for node in self.nodes)

    def __str__(self) -> str:
        """The nodes in words, equal ones counted."""
        kinds = Counter(map(str, self.nodes))
        return "; ".join(f"{_amount(count, 'node')} of {kind}" for kind, count in kinds.items())


@dataclass(frozen=True, kw_only=True)
class WorkerRequest:
    """What one worker asks for."""

    cpus: float
    gpus: float
    accelerator: str | None

    def fits(self, node: Node) -> int:
        """How many such workers the node holds when nothing else runs on it."""
        if self.accelerator is not None and node.accelerator != self.accelerator:
            return 0
        by_cpus = int(node.cpus / self.cpus + ROUNDING)
        if not self.gpus:
            return by_cpus
        return min(by_cpus, int(node.gpus / self.gpus + ROUNDING))

    @property
    def bundle(self) -> dict[str, float]:
        """The request as Ray's resources."""
        return {"CPU": self.cpus, "GPU": self.gpus}

    @property
    def placement(self) -> dict[str, Any]:
        """The request's label selector, as the arguments of a placement group of one bundle."""
        if self.accelerator is None:
            return {}
        return {"bundle_label_selector": [{ACCELERATOR_LABEL: self.accelerator}]}

    def __str__(self) -> str:
        """The request in words."""
        parts = [_amount(self.cpus, "CPU")]
        if self.gpus:
            parts.append(_amount(self.gpus, "GPU"))
        if self.accelerator is not None:
            parts.append(f"the accelerator {self.accelerator}")
        return " and ".join(parts)


def cluster_of(nodes: Iterable[tuple[Mapping[str, float], Mapping[str, str]]]) -> Cluster:
    """The cluster with these nodes, each given by Ray's resources and labels."""
    return Cluster(nodes=tuple(Node.of(resources, labels) for resources, labels in nodes))


def worker_request(asked: Resources, cluster: Cluster) -> WorkerRequest:
    """What a worker of this spec asks of this cluster: `gpus: auto` is decided here.

    One GPU where the cluster has GPUs of the kind, or where an accelerator is asked for; else none.

    Raises:
        RequestError: no node, present or to come, can hold such a worker.
    """
    gpus = asked.gpus
    if gpus == "auto":
        has_gpus = any(node.gpus >= 1 for node in cluster.nodes)
        gpus = 1.0 if has_gpus or asked.accelerator is not None else 0.0
    request = WorkerRequest(cpus=asked.cpus, gpus=gpus, accelerator=asked.accelerator)
    if not cluster.autoscales and not any(map(request.fits, cluster.nodes)):
        raise RequestError(
            f"resources: a worker needs {request} on one node, and no node has that; the cluster "
            f"has {cluster}; {_other_accelerator(asked.accelerator, cluster)}ask for less "
            "(--set resources.cpus=1 --set resources.gpus=0), or add a node that has it"
        )
    return request


def workers_at_once(
    asked: Resources, request: WorkerRequest, cluster: Cluster, *, packs_at_once: int
) -> int:
    """The most packs that the search may have at a time, running or ready to run.

    `packs_at_once` is the most packs that can ever run together. On a cluster that is as many
    workers: it may grow, by its autoscaler or by hand, and a pack that waits costs nothing. A
    Ray that is started here never grows; there the next pack of each worker is suggested while
    the one before trains.
    """
    if asked.workers != "auto":
        return asked.workers
    if not cluster.embedded:
        return packs_at_once
    return min(packs_at_once, 2 * sum(map(request.fits, cluster.nodes)))


def _other_accelerator(accelerator: str | None, cluster: Cluster) -> str:
    """``did you mean H200? `` for h200, where the cluster has it; else nothing."""
    types = [node.accelerator for node in cluster.nodes if node.accelerator]
    here = {name.upper(): name for name in types}
    if accelerator is None or accelerator in here.values():
        return ""
    near = get_close_matches(accelerator.upper(), here, n=1)
    return f"did you mean {here[near[0]]}? " if near else ""


def _amount(number: float, noun: str) -> str:
    return f"{number:g} {noun}{'' if number <= 1 else 's'}"
