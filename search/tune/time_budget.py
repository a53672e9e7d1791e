"""The time that a search may take: when the last pack of the search has begun."""

import math
import time
from collections.abc import Callable
from typing import Any

from results.rows import PackResult

from ..planning.search_plan import SearchPlan
from ..planning.seconds_together import seconds_together
from ..planning.study_plan import StudyPlan


class TimeBudget:
    """Closes a plan once a further pack, and what confirm takes after it, would not end in time.

    What a pack takes is told from those that have finished; of confirm, whose networks are the
    largest more often than not, by its steps or by its arithmetic, whichever is more. So the first
    packs always run, and a search may take longer than its time: a pack is never broken off, nor
    is one left out that was handed out and waits for a worker.
    """

    def __init__(
        self,
        plan: SearchPlan,
        *,
        workers: int,
        when_up: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """The plan's `time_left` runs from now on; `when_up` is called once, when it is up."""
        self._plan, self._workers, self._when_up, self._clock = plan, workers, when_up, clock
        self._end = math.inf if plan.time_left is None else clock() + plan.time_left
        self._packs = 0
        self._pack_seconds = 0.0
        self._member_steps = 0
        self._flops = 0.0

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune stores its searcher, and a search is resumed from its folder."""
        return {}

    def take(self, result: PackResult) -> None:
        """Learn from a pack that has finished."""
        self._packs += 1
        self._pack_seconds += result.trials[0].pack_seconds
        self._member_steps += sum(row.steps for row in result.trials)
        self._flops += sum(row.flops or 0.0 for row in result.trials)

    def look(self, *, packs_in_flight: int) -> None:
        """Close the plan if it is time; in flight are packs in training and those that wait."""
        if not self._plan.closed and self._clock() + self._needed(packs_in_flight) >= self._end:
            self._plan.close()
            self._when_up()

    def _needed(self, packs_in_flight: int) -> float:
        """The seconds of a further pack, with those before it, and of what confirm does then."""
        if not self._packs:
            return 0.0
        turns = math.ceil((packs_in_flight + 1) / self._workers)
        return turns * self._pack_seconds / self._packs + self._confirm_seconds

    @property
    def _confirm_seconds(self) -> float:
        confirm = self._plan.spec.confirm
        if confirm is None:
            return 0.0
        of_packs = [
            confirm.replicates * factor * self._replicate_seconds(study)
            for study in self._plan.studies.values()
            for factor in confirm.steps_factors
        ]
        return seconds_together(of_packs, self._workers)

    def _replicate_seconds(self, study: StudyPlan) -> float:
        """Of training the best of a study again."""
        steps, best = int(study.study.fixed["steps"]), study.tally.best
        seconds = steps * self._pack_seconds / self._member_steps
        if best is None or not best.flops or not self._flops:
            return seconds
        by_arithmetic = best.flops / best.steps * steps * self._pack_seconds / self._flops
        return max(seconds, by_arithmetic)
