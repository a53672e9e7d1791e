"""What a search will take, before it starts."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from statistics import fmean

import torch

from cluster.resources import Cluster, WorkerRequest, worker_request
from spaces import Spec, studies
from trainables import PackKey

from ..memory_need import PackNeed, check_memory, pack_needs
from ..planning.search_plan import SearchPlan
from ..planning.seconds_together import seconds_together
from .output_bytes import output_bytes
from .pack_work import work_of
from .simulation import Simulated, seconds_of_confirm, simulate
from .size import Size, size_of
from .speed import measured_speed
from .this_machine import this_machine

_MOST_PACKS = 100_000
"""Simulated of a search that the time alone ends: what comes after them is more of the same."""


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

    @property
    def output_bytes(self) -> int:
        """Of the output folder, with the workers that there are here."""
        found = self.simulated[self.here]
        return output_bytes(self.size, packs=found.packs, trials=found.trials)


def forecast(spec: Spec, cluster: Cluster, *, workers: int | None) -> Forecast:
    """Measure this machine's speed for a few seconds, and run the search against a clock.

    Args:
        spec: The search.
        cluster: Where it is to run: it decides what a worker asks for.
        workers: A number to be told of too.

    Raises:
        RequestError: no node of `cluster` can hold a worker, or none there or this machine a pack.
    """
    plan = SearchPlan(spec)
    request = worker_request(
        spec.worker_resources,
        cluster,
        packs=plan.packs_in_flight,
        pack_size=spec.budget.pack_size,
    )
    for trained_on in (cluster, this_machine()):  # here a few packs are, for a moment
        check_memory(spec, request, trained_on)
    works = work_of(spec)
    size = size_of(plan, works)
    threads = max(1, int(request.cpus))
    device = torch.device("cuda" if request.gpus and torch.cuda.is_available() else "cpu")
    speed = measured_speed([each.first for each in works], device=device, threads=threads)
    of_study = {each.first.study: each for each in works}
    here = max(1, request.workers(cluster))
    asked = {here, size.packs_at_once, workers}

    def seconds_of(key: PackKey) -> float:
        return speed.seconds(of_study[key.study].of(key))

    return Forecast(
        size=size,
        request=request,
        need=max(pack_needs(spec, threads=threads), key=lambda need: need.bytes),
        here=here,
        simulated={
            count: _simulated(spec, count, seconds_of)
            for count in sorted(each for each in asked if each is not None)
        },
    )


def _simulated(spec: Spec, workers: int, seconds_of: Callable[[PackKey], float]) -> Simulated:
    """The search on so many workers: of one that the time alone ends, the first part for all."""
    time = math.inf if spec.budget.seconds is None else spec.budget.seconds
    if spec.budget.trials is not None:
        return simulate(spec, workers, seconds_of, time=time)
    pack = fmean(seconds_of(PackKey(study.name, "search", 0)) for study in studies(spec))
    confirm = seconds_of_confirm(spec, seconds_of)
    # The last pack and confirm come once, however long what is before them takes.
    once = pack + seconds_together(confirm, workers)
    repeated = time - once
    share = min(1.0, _MOST_PACKS * pack / (workers * repeated)) if repeated > 0 else 1.0
    if share == 1.0:
        return simulate(spec, workers, seconds_of, time=time)
    found = simulate(spec, workers, seconds_of, time=once + share * repeated)
    return replace(
        found,
        seconds=found.seconds + (1 - share) * repeated,
        busy_seconds=(found.busy_seconds - sum(confirm)) / share + sum(confirm),
        packs=round((found.packs - len(confirm)) / share) + len(confirm),
        trials=round(found.trials / share),
    )
