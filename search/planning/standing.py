"""How far a search is, in numbers: for the terminal and for metrics."""

import math
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from results.tally import StudyTally
from spaces import Spec
from trainables import Halving, PackKey
from trainables.stop_rules import stop_rule_of

from .search_plan import SearchPlan
from .study_plan import StudyPlan


@dataclass(frozen=True)
class StudyStanding:
    """One study's numbers. Counts are of trials of the search; work includes confirm replicates."""

    name: str
    tally: StudyTally = field(default_factory=StudyTally)

    @property
    def statuses(self) -> Counter[str]:
        """Trials by status."""
        return self.tally.statuses

    @property
    def best_nmse(self) -> Sequence[float]:
        """The lowest nmse of completed trials after each that ended; infinite before the first."""
        return self.tally.best_nmse

    @property
    def ended(self) -> int:
        """Trials that have ended."""
        return self.tally.trials

    @property
    def best(self) -> float | None:
        """The lowest nmse of a completed trial; None before the first."""
        return None if self.tally.best is None else self.tally.best.nmse

    @property
    def confirm_steps(self) -> int:
        """Of all confirm replicates of the best trial."""
        return sum(row.steps for row in self.tally.replicates)

    @property
    def confirmed(self) -> list[float]:
        """The nmse of the best trial's replicates at steps_factor 1; infinite if diverged."""
        return [
            math.inf if row.nmse is None else row.nmse
            for row in self.tally.replicates
            if row.steps_factor == 1
        ]


class Standing:
    """The numbers of all studies of a search, and how fast it goes."""

    def __init__(self, plan: SearchPlan) -> None:
        """Begin the clock; what an earlier run has done counts as done, but not as throughput."""
        self.plan = plan
        self.began = self.last_end = time.monotonic()
        self.studies = {
            name: StudyStanding(name, study.tally) for name, study in plan.studies.items()
        }
        self._work = _Work(plan.spec)
        self._rows = 0
        self._at_step: dict[PackKey, int] = {}
        self._heard = self.began
        self.update()
        self._ended_before, self._member_steps_before = self.ended, self.member_steps
        self._samples_before, self._done_before = self.samples, self._steps_done()

    def update(self) -> None:
        """Notice whether rows have come since the last call."""
        rows = sum(study.tally.rows for study in self.studies.values())
        if rows > self._rows:
            self._rows = rows
            self.last_end = self._heard = time.monotonic()

    def report(self, key: PackKey, at_step: int) -> None:
        """Take in how far a pack in flight is; one that begins again says less than before."""
        self._at_step[key] = at_step
        self._heard = time.monotonic()

    def end(self, key: PackKey) -> None:
        """Forget a pack's reports: it is not in flight any more."""
        self._at_step.pop(key, None)

    @property
    def ended(self) -> int:
        """Trials that have ended, over all studies."""
        return sum(study.ended for study in self.studies.values())

    @property
    def member_steps(self) -> int:
        """Optimizer steps of all networks, added up."""
        return sum(study.tally.member_steps for study in self.studies.values())

    @property
    def samples(self) -> int:
        """Training pairs seen by all networks, added up."""
        return sum(study.tally.samples for study in self.studies.values())

    @property
    def statuses(self) -> Counter[str]:
        """Trials by status, over all studies."""
        return sum((study.statuses for study in self.studies.values()), Counter())

    @property
    def seconds(self) -> float:
        """Since this run began; never 0."""
        return max(time.monotonic() - self.began, 1e-9)

    @property
    def trials_per_second(self) -> float:
        """Over this run so far."""
        return (self.ended - self._ended_before) / self.seconds

    @property
    def member_steps_per_second(self) -> float:
        """Over this run so far, of packs that have finished."""
        return (self.member_steps - self._member_steps_before) / self.seconds

    @property
    def samples_per_second(self) -> float:
        """Over this run so far, of packs that have finished."""
        return (self.samples - self._samples_before) / self.seconds

    @property
    def finished(self) -> bool:
        """Whether every study has finished or failed."""
        plan = self.plan
        return all(study.finished or name in plan.failed for name, study in plan.studies.items())

    @property
    def seconds_left(self) -> float | None:
        """At the rate of this run so far, confirm included; None before the first news of a pack.

        What packs in flight have reported counts as done; from one report to the next the seconds
        are counted down. While the time alone is to end the search it is what is left of that.
        """
        done = self._steps_done() - self._done_before
        if done <= 0:
            return None
        seconds = math.inf
        if self.plan.trials is not None:
            then = (self._heard - self.began) * self._steps_left() / done
            seconds = then - (time.monotonic() - self._heard)
        if self.plan.time_left is not None and not self.plan.closed:
            seconds = min(seconds, self.plan.time_left - self.seconds)
        return max(seconds, 0.0)

    def phase(self, study: StudyPlan) -> str:
        """What a study is at: "waiting", "searching", "confirming", "done" or "failed"."""
        if study.name in self.plan.failed:
            return "failed"
        if study.finished:
            return "done"
        if study.searched:
            return "confirming"
        return "searching" if study.started else "waiting"

    def _steps_done(self) -> float:
        """Member-steps of the trials and replicates that have ended, and of packs in flight."""
        return sum(
            self._work.search_steps(self._steps_of(name), standing.ended)
            + standing.confirm_steps
            + self._steps_in_flight(name)
            for name, standing in self.studies.items()
        )

    def _steps_left(self) -> float:
        """Member-steps of what is to come, as far as the number of trials is known."""
        left = 0.0
        for name, study in self.plan.studies.items():
            if study.finished or name in self.plan.failed:
                continue
            standing, steps = self.studies[name], self._steps_of(name)
            if study.trials is not None:
                left += self._work.search_steps(steps, study.trials - standing.ended)
            left += max(self._work.confirm_steps(steps) - standing.confirm_steps, 0)
            left -= self._steps_in_flight(name)
        return max(left, 0.0)

    def _steps_in_flight(self, name: str) -> float:
        """Member-steps that the packs in flight of a study have reported."""
        steps = self._steps_of(name)
        reported = (each for each in self._at_step.items() if each[0].study == name)
        return sum(self._work.pack_steps(key, at_step, steps) for key, at_step in reported)

    def _steps_of(self, name: str) -> int:
        return int(self.plan.studies[name].study.fixed["steps"])


@dataclass(frozen=True)
class _Work:
    """The member-steps that a study takes if nothing diverges."""

    spec: Spec

    def search_steps(self, steps: int, trials: int) -> float:
        """Of so many trials in whole packs, with what halving saves."""
        return self._searched(steps, until=steps) * trials / self.spec.budget.pack_size

    def pack_steps(self, key: PackKey, at_step: int, steps: int) -> float:
        """Of a pack that is at a step."""
        if key.phase == "confirm":
            return 0 if self.spec.confirm is None else self.spec.confirm.replicates * at_step
        share = self.spec.budget.members(key.number) / self.spec.budget.pack_size
        return self._searched(steps, until=at_step) * share

    def _searched(self, steps: int, *, until: int) -> int:
        """Of a full pack of the search up to a step."""
        halving = self.spec.halving
        rule = stop_rule_of(None if halving is None else Halving(**halving.model_dump()))
        alive, done, total = self.spec.budget.pack_size, 0, 0
        for mark in (*rule.rungs(steps), steps):
            total += alive * (min(mark, until) - done)
            if mark >= until:
                break
            done, alive = mark, rule.kept(alive)
        return total

    def confirm_steps(self, steps: int) -> int:
        """Of all confirm replicates."""
        confirm = self.spec.confirm
        return 0 if confirm is None else steps * confirm.replicates * sum(confirm.steps_factors)
