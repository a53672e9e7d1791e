"""The arithmetic of a study's packs, as far as it is known before they are suggested."""

from collections.abc import Mapping, Sequence
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

    def times(self, count: int) -> "Work":
        """Return the work of so many of these."""
        return Work(member_steps=self.member_steps * count, flops=self.flops * count)


NOTHING = Work(member_steps=0, flops=0.0)


@dataclass(frozen=True, kw_only=True)
class StudyWork:
    """The work of the packs of a study, whose networks are as in the first of them."""

    spec: Spec
    first: Pack
    searched: Mapping[int, Work]
    """Of a pack of the search, by the number of its members."""
    confirmed: Sequence[Work]
    """Of each confirm pack."""

    def of(self, key: PackKey) -> Work:
        """Of a pack of the study."""
        if key.phase == "confirm":
            return self.confirmed[key.number]
        return self.searched[self.spec.budget.members(key.number)]

    @property
    def packs(self) -> int | None:
        """How many there are; None where the time alone ends the search."""
        count = pack_count(self.spec)
        return None if count is None else count + len(self.confirmed)

    @property
    def total(self) -> Work | None:
        """Of all packs together; None where their number is not known."""
        budget, count = self.spec.budget, pack_count(self.spec)
        if count is None:
            return None
        full, last = (self.searched[budget.members(number)] for number in (0, count - 1))
        return full.times(count - 1) + last + sum(self.confirmed, NOTHING)


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
    budget, count = spec.budget, pack_count(spec)
    sizes = {budget.members(0), budget.members(0 if count is None else count - 1)}
    return StudyWork(
        spec=spec,
        first=first,
        searched={members: _searched(first, members, fmean(flops)) for members in sizes},
        confirmed=[
            _confirmed(first, spec.confirm.replicates, factor, max(flops))
            for factor in spec.confirm.steps_factors
        ]
        if spec.confirm is not None
        else [],
    )


def _confirmed(first: Pack, members: int, factor: int, flops_per_pair: float) -> Work:
    """A confirm pack, whose members all go to the end."""
    steps = first.steps * factor
    pairs = steps * first.batch_size + FORWARD * SELECTION_PAIRS
    return Work(member_steps=steps * members, flops=members * flops_per_pair * pairs)


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
