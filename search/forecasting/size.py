"""What there is to do in a search, counted without measuring anything."""

from dataclasses import dataclass

from spaces import Spec

from ..planning.search_plan import SearchPlan
from .pack_work import NOTHING, StudyWork, Work


@dataclass(frozen=True, kw_only=True)
class Size:
    """What is known of a spec without measuring anything."""

    studies: int
    pack_size: int
    packs: int | None
    """None, as the trials and the work are, where the time alone ends the search."""
    trials: int | None
    """Of the search, over all studies."""
    replicates: int
    """To be trained for confirm, over all studies."""
    work: Work | None
    packs_at_once: int | None
    """The most packs that can ever be in flight together; None: any number."""
    packs_in_flight: int | None
    """Those that are, for most of the search; None: any number."""
    limit: str
    """What of the spec sets that number, in words."""
    tensorboard: bool
    """Whether it has runs there."""
    time: str | None
    """The spec's `budget.time`, which may end the search before all of this is done."""


def size_of(plan: SearchPlan, works: list[StudyWork]) -> Size:
    """Count what a search takes, however much of it is done; `works` are those of its studies."""
    spec, count = plan.spec, len(works)
    confirm, trials = spec.confirm, spec.budget.trials
    packs = [each.packs for each in works if each.packs is not None]
    totals = [each.total for each in works if each.total is not None]
    return Size(
        studies=count,
        pack_size=spec.budget.pack_size,
        packs=None if trials is None else sum(packs),
        trials=None if trials is None else count * trials,
        replicates=0
        if confirm is None
        else count * confirm.replicates * len(confirm.steps_factors),
        work=None if trials is None else sum(totals, NOTHING),
        packs_at_once=plan.packs_at_once,
        packs_in_flight=plan.packs_in_flight,
        limit=_limit(spec, count),
        tensorboard=spec.tensorboard != "off",
        time=spec.budget.time,
    )


def _limit(spec: Spec, count: int) -> str:
    """Why no more packs are in flight, in words."""
    grid = f"{count} {'study' if count == 1 else 'studies'} (grid)"
    if not spec.learns:
        return f"{grid}, all packs of each at once: {spec.sampler} waits for no results"
    return f"{grid} times budget.packs_in_flight: {spec.budget.packs_in_flight}"
