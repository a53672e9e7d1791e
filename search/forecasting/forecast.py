"""What a search will take, before it starts."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from cluster.resources import Cluster, WorkerRequest, worker_request
from spaces import Spec

from ..memory_need import PackNeed, pack_needs
from ..planning.search_plan import SearchPlan
from .pack_work import NOTHING, StudyWork, Work, work_of
from .simulation import Simulated, simulate
from .speed import measured_speed

_PART_BYTES = 50_000
"""Of a pack's rows in both tables: most of it is the columns' descriptions."""
_TRIAL_BYTES = 6_000
"""Of a trial in the tables and in TensorBoard, where each has a run of its own."""
_REPORT_BYTES = 5_000_000
"""Most of it is the library that draws its figures."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """What is known of a spec without measuring anything."""

    studies: int
    packs: int
    trials: int
    """Of the search, over all studies."""
    replicates: int
    """To be trained for confirm, over all studies."""
    work: Work
    packs_at_once: int
    """The most packs that can ever be in flight together."""
    packs_in_flight: int
    """Those that are, for most of the search."""
    limit: str
    """What of the spec sets that number, in words."""
    output_bytes: int


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


def size_of(spec: Spec, works: list[StudyWork]) -> Size:
    """Count what there is to do."""
    plan = SearchPlan(spec)
    count = len(works)
    packs = sum(len(each.packs) for each in works)
    confirm = spec.confirm
    replicates = 0 if confirm is None else count * confirm.replicates * len(confirm.steps_factors)
    rows = plan.trials + replicates
    tensorboard = 0 if spec.tensorboard == "off" else 1
    return Size(
        studies=count,
        packs=packs,
        trials=plan.trials,
        replicates=replicates,
        work=sum((each.total for each in works), NOTHING),
        packs_at_once=plan.packs_at_once,
        packs_in_flight=plan.packs_in_flight,
        limit=_limit(spec, count),
        output_bytes=_PART_BYTES * packs + _TRIAL_BYTES * rows * tensorboard + _REPORT_BYTES,
    )


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
    size = size_of(spec, works)
    request = worker_request(
        spec.resources,
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


def _limit(spec: Spec, count: int) -> str:
    """Why no more packs are in flight, in words."""
    grid = f"{count} {'study' if count == 1 else 'studies'} (grid)"
    if not spec.learns:
        return f"{grid}, all packs of each at once: {spec.sampler} waits for no results"
    return f"{grid} times budget.packs_in_flight: {spec.budget.packs_in_flight}"
