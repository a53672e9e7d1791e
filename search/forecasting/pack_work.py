"""The arithmetic of a study's packs, as far as it is known before they are suggested."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

from spaces import Spec, studies
from trainables import Pack, PackKey
from trainables.families import family_of
from trainables.sources.batches import RUNG_PAIRS, SELECTION_PAIRS
from trainables.stop_rules import stop_rule_of

from ..planning.study_plan import StudyPlan
from ..planning.suggestion import pack_count

FORWARD = 1 / 3
"""Of the arithmetic of a training pair: what an evaluation does."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """What is to be computed."""

    member_steps: int
    flops: float
    """Of the matrix products, those of evaluations too."""

    def __add__(self, other: "Work") -> "Work":
        return Work(
            member_steps=self.member_steps + other.member_steps, flops=self.flops + other.flops
        )


NOTHING = Work(member_steps=0, flops=0.0)


@dataclass(frozen=True, kw_only=True)
class StudyWork:
    """The work of all packs of a study, and the first of them."""

    first: Pack
    packs: Mapping[PackKey, Work]

    @property
    def total(self) -> Work:
        """Of all packs together."""
        return sum(self.packs.values(), NOTHING)


def work_of(spec: Spec) -> list[StudyWork]:
    """Return the work of each study, in the spec's order.

    Networks are suggested as the search goes. Those of the first pack, which is known, stand for
    the trials of all; the largest of them for the winner, as winners are large. Members that
    diverge or stop early do less than is said here.
    """
    return [_study_work(spec, StudyPlan(spec, study)) for study in studies(spec)]


def flops_per_pair(pack: Pack) -> list[int]:
    """Of a training pair, for each member."""
    return [family_of(member).flops_per_pair(member, pack.task) for member in pack.members]


def _study_work(spec: Spec, plan: StudyPlan) -> StudyWork:
    first = plan.next_pack()
    assert first is not None  # a search has a trial at least
    flops = flops_per_pair(first)
    packs: dict[PackKey, Work] = {}
    size, trials = spec.budget.pack_size, spec.budget.trials
    for number in range(pack_count(spec)):
        members = min(size, trials - number * size)
        packs[PackKey(plan.name, "search", number)] = _searched(first, members, fmean(flops))
    confirm = spec.confirm
    for number, factor in enumerate(() if confirm is None else confirm.steps_factors):
        assert confirm is not None  # it has factors
        steps, members = first.steps * factor, confirm.replicates
        packs[PackKey(plan.name, "confirm", number)] = Work(
            member_steps=steps * members,
            flops=members * max(flops) * (steps * first.batch_size + FORWARD * SELECTION_PAIRS),
        )
    return StudyWork(first=first, packs=packs)


def _searched(first: Pack, members: int, flops_per_pair: float) -> Work:
    """A pack whose members leave at the rungs."""
    rule, alive = stop_rule_of(first.halving), members
    member_steps, evaluated = 0, 0
    marks = [0, *rule.rungs(first.steps), first.steps]
    for before, mark in pairwise(marks):
        member_steps += alive * (mark - before)
        evaluated += alive * (SELECTION_PAIRS if mark == first.steps else RUNG_PAIRS)
        alive = rule.kept(alive)
    return Work(
        member_steps=member_steps,
        flops=flops_per_pair * (member_steps * first.batch_size + FORWARD * evaluated),
    )
