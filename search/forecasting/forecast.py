"""What a search will take, before it starts."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from cluster.resources import Cluster, WorkerRequest, worker_request
from spaces import Spec

from ..memory_need import PackNeed, pack_needs
from ..planning.search_plan import SearchPlan
from .pack_work import work_of
from .simulation import Simulated, simulate
from .size import Size, size_of
from .speed import measured_speed


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """What a search will take on some workers, each as fast as this machine's would be."""

    size: Size
    request: WorkerRequest
    """What a worker asks for."""
    need: PackNeed
    """The largest pack, and its memory."""
    here: int
    """The workers that this machine, or the cluster that was looked at, has."""
    simulated: Mapping[int, Simulated]
    """By the number of workers, ascending: those there are, those asked for, and as many as can be
    busy."""


def forecast(spec: Spec, cluster: Cluster, *, workers: int | None) -> Forecast:
    """Measure this machine's speed for a few seconds, and run the search against a clock.

    Args:
        spec: The search.
        cluster: Where it is to run: it decides what a worker asks for.
        workers: A number to be told of too.

    Raises:
        RequestError: no node of `cluster` can hold a worker.
    """
    works = work_of(spec)
    size = size_of(SearchPlan(spec), works)
    request = worker_request(
        spec.worker_resources,
        cluster,
        packs=size.packs_in_flight,
        pack_size=spec.budget.pack_size,
    )
    threads = max(1, int(request.cpus))
    device = torch.device("cuda" if request.gpus and torch.cuda.is_available() else "cpu")
    speed = measured_speed([each.first for each in works], device=device, threads=threads)
    seconds = {key: speed.seconds(work) for each in works for key, work in each.packs.items()}
    here = max(1, request.workers(cluster))
    asked = {here, size.packs_at_once, *(() if workers is None else (workers,))}
    return Forecast(
        size=size,
        request=request,
        need=max(pack_needs(spec, threads=threads), key=lambda need: need.bytes),
        here=here,
        simulated={count: simulate(spec, count, seconds.__getitem__) for count in sorted(asked)},
    )
