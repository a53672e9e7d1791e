"""What a cluster has, what a worker asks for, and whether the one can ever give the other."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

from spaces import Resources

from .errors import RequestError

ACCELERATOR_LABEL = "ray.io/accelerator-type"
NODE_GROUP_LABEL = "ray.io/node-group"
"""Only nodes that an autoscaler (or KubeRay) has started carry it."""
ROUNDING = 1e-9
"""Sums of fractions are compared within this."""
NEARLY_ALL = 0.9
"""No pack waits for another so that the last tenth of the CPUs is busy."""


@dataclass(frozen=True, kw_only=True)
class Node:
    """One node of a cluster: what it has in all, whoever uses it now."""

    cpus: float
    gpus: float
    labels: Mapping[str, str]
    memory_bytes: float | None = None
    """None where the node doesn't say."""

    @classmethod
    def of(cls, resources: Mapping[str, float], labels: Mapping[str, str]) -> "Node":
        """The node with these of Ray's resources and labels.

        Ray sets a part of the memory aside for its object store, which a search hardly uses.
        """
        memory = resources.get("memory")
        return cls(
            cpus=resources.get("CPU", 0.0),
            gpus=resources.get("GPU", 0.0),
            labels=labels,
            memory_bytes=memory and memory + resources.get("object_store_memory", 0.0),
        )

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

    def workers(self, cluster: Cluster) -> int:
        """How many such workers the nodes of today hold when nothing else runs there."""
        return sum(map(self.fits, cluster.nodes))

    def memory_bytes(self, cluster: Cluster) -> float | None:
        """The most memory that one such worker could have; None where that isn't known.

        It is that of a whole node: Ray doesn't divide it among workers.
        """
        holding = [node.memory_bytes for node in cluster.nodes if self.fits(node)]
        known = [memory for memory in holding if memory is not None]
        if cluster.autoscales or not known or len(known) < len(holding):
            return None
        return max(known)

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


def worker_request(
    asked: Resources, cluster: Cluster, *, packs: int | None = 1, pack_size: int = 1
) -> WorkerRequest:
    """What a worker of this spec asks of this cluster: what is `auto` is decided here.

    `gpus`: one where the cluster has GPUs of the kind, or where an accelerator is asked for; else
    none. `cpus`: see `_cpus_each`, for so many `packs` in flight together (None: any number), of at
    most `pack_size` members.

    Raises:
        RequestError: no node, present or to come, can hold such a worker.
    """
    gpus = asked.gpus
    if gpus == "auto":
        has_gpus = any(node.gpus >= 1 for node in cluster.nodes)
        gpus = 1.0 if has_gpus or asked.accelerator is not None else 0.0
    cpus = 1.0 if asked.cpus == "auto" else asked.cpus
    request = WorkerRequest(cpus=cpus, gpus=gpus, accelerator=asked.accelerator)
    if not cluster.autoscales and not any(map(request.fits, cluster.nodes)):
        raise RequestError(
            f"resources: a worker needs {request} on one node, and no node has that; the cluster "
            f"has {cluster}; {_other_accelerator(asked.accelerator, cluster)}ask for less "
            "(--set resources.cpus=1 --set resources.gpus=0), or add a node that has it"
        )
    if asked.cpus == "auto":
        limits = (packs, None if asked.workers == "auto" else asked.workers)
        together = min((each for each in limits if each is not None), default=math.inf)
        return _cpus_each(request, cluster, packs=together, pack_size=pack_size)
    return request


def _cpus_each(
    request: WorkerRequest, cluster: Cluster, *, packs: float, pack_size: int
) -> WorkerRequest:
    """The request with as many CPUs as leave none of the cluster's idle, or next to none.

    That is the most with which all the packs run at once, where this keeps nearly all busy that
    can be; else the fewest that keep the most busy, and some packs wait. The threads of a worker
    divide a pack's members, so it has no use for more CPUs than a pack has members. A worker with a
    GPU computes there; one CPU feeds it. On a cluster that starts nodes as they are needed each
    worker has one CPU too: the packs that wait make it grow.
    """
    if request.gpus or cluster.autoscales:
        return request
    largest = max((node.cpus for node in cluster.nodes), default=1.0)
    choices = [
        replace(request, cpus=float(cpus))
        for cpus in range(1, min(int(largest + ROUNDING), pack_size) + 1)
    ]

    def at_once(choice: WorkerRequest) -> float:
        return min(packs, choice.workers(cluster))

    def busy(choice: WorkerRequest) -> float:
        return at_once(choice) * choice.cpus

    most_busy = max(choices, key=busy)  # the first of equals
    all_at_once = max(choices, key=lambda choice: (at_once(choice), choice.cpus))
    return all_at_once if busy(all_at_once) >= NEARLY_ALL * busy(most_busy) else most_busy


def workers_at_once(
    asked: Resources,
    request: WorkerRequest,
    cluster: Cluster,
    *,
    packs_at_once: int | None,
    waiting: bool,
    timed: bool,
) -> int:
    """The most packs that the search may have at a time, running or ready to run.

    `packs_at_once` is the most packs that can ever run together; None: any number. On a cluster
    that is as many workers: it may grow, by its autoscaler or by hand, and a pack that waits costs
    nothing. A Ray that is started here never grows; there the next pack of each worker is suggested
    while the one before trains. So it is, too, where a time ends the search (`timed`): a pack that
    was handed out is trained, and would be after that time.

    `waiting`: whether packs wait for the results of others.

    Raises:
        RequestError: a time ends the search, and the cluster would start nodes for all of its packs
            at once, as these wait for nothing.
    """
    if asked.workers == "auto" and cluster.autoscales and timed and not waiting:
        raise RequestError(
            "resources.workers: must be a number on a cluster that starts nodes as they are "
            "needed, for a search whose packs wait for nothing and that budget.time ends: it would "
            "begin them all at once; got auto; give one (--set resources.workers=8)"
        )
    limits = [packs_at_once, None if asked.workers == "auto" else asked.workers]
    if not cluster.autoscales and (timed or (cluster.embedded and asked.workers == "auto")):
        limits.append(2 * request.workers(cluster))
    return min(limit for limit in limits if limit is not None)


def workers_of(request: WorkerRequest, cluster: Cluster, *, packs: int) -> int:
    """The workers of a search with at most so many packs at a time, as large as it may grow."""
    return packs if cluster.autoscales else min(packs, request.workers(cluster))


def workers_text(request: WorkerRequest, cluster: Cluster, *, packs: int) -> str:
    """The workers of a search with at most so many packs at a time, in words.

    >>> request = WorkerRequest(cpus=2, gpus=0, accelerator=None)
    >>> cluster = cluster_of([({"CPU": 4}, {})])
    >>> workers_text(request, cluster, packs=1), workers_text(request, cluster, packs=8)
    ('1 of 2 CPUs', '2 of 2 CPUs')
    """
    workers = workers_of(request, cluster, packs=packs)
    if cluster.autoscales:
        return f"up to {workers} of {request}, as the cluster grows"
    return f"{workers} of {request}"


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
