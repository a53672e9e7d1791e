"""What there is to do in a search, counted without measuring anything."""

from dataclasses import dataclass

from spaces import Spec

from ..planning.search_plan import SearchPlan
from .pack_work import NOTHING, StudyWork, Work

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
    time: str | None
    """The spec's `budget.time`, which may end the search before all of this is done."""


def size_of(plan: SearchPlan, works: list[StudyWork]) -> Size:
    """Count what a search takes, however much of it is done; `works` are those of its studies."""
    spec, count = plan.spec, len(works)
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
        time=spec.budget.time,
        output_bytes=_PART_BYTES * packs + _TRIAL_BYTES * rows * tensorboard + _REPORT_BYTES,
    )


def _limit(spec: Spec, count: int) -> str:
    """Why no more packs are in flight, in words."""
    grid = f"{count} {'study' if count == 1 else 'studies'} (grid)"
    if not spec.learns:
        return f"{grid}, all packs of each at once: {spec.sampler} waits for no results"
    return f"{grid} times budget.packs_in_flight: {spec.budget.packs_in_flight}"
