"""A running search's numbers for Prometheus, set again every few seconds."""

import time
from collections import deque
from typing import Any

from ray.tune.experiment import Trial

from cluster.metrics import SearchMetrics, SearchNumbers

from ..planning.search_plan import SearchPlan
from ..planning.standing import Standing
from .guard import View

SET_SECONDS = 5.0
"""Ray forgets a gauge about 20 seconds after it was last set."""
RATE_SECONDS = 60.0
"""Throughput is that of the packs that finished in so many seconds."""
STATUSES = ("completed", "pruned", "diverged")


class MetricsView(View):
    """Keeps the metrics of a search alive while Tune runs it."""

    def __init__(self, plan: SearchPlan) -> None:
        """Watch `plan`; Ray must be connected."""
        self._plan, self._standing = plan, Standing(plan)
        self._metrics = SearchMetrics(plan.spec.name)
        self._marks: deque[tuple[float, int, int]] = deque()
        self._set_at = -SET_SECONDS

    def __enter__(self) -> "MetricsView":
        """Show that the search has begun."""
        self._set(packs_in_flight=0)
        return self

    def __exit__(self, *error: object) -> None:
        """Leave the last numbers."""
        self._set(packs_in_flight=0)

    def on_step_end(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        """Called by Tune after every turn of its loop, at least once a second."""
        if time.monotonic() - self._set_at >= SET_SECONDS:
            self._set(sum(trial.status == Trial.RUNNING for trial in trials))

    def _set(self, packs_in_flight: int) -> None:
        self._set_at = time.monotonic()
        standing = self._standing
        standing.update()
        member_steps, samples = self._rates()
        studies, plans = standing.studies.values(), standing.plan.studies.values()
        self._metrics.set(
            SearchNumbers(
                trials={status: standing.statuses[status] for status in STATUSES},
                trials_left={
                    study.name: study.trials - study.trials_ended
                    for study in plans
                    if study.trials is not None
                },
                best_nmse={study.name: study.best for study in studies if study.best is not None},
                packs_in_flight=packs_in_flight,
                member_steps_per_second=member_steps,
                samples_per_second=samples,
                seconds_since_last_pack=time.monotonic() - standing.last_end,
            )
        )

    def _rates(self) -> tuple[float, float]:
        """Member-steps and samples a second, since the oldest mark of the last minute."""
        now, standing = self._set_at, self._standing
        self._marks.append((now, standing.member_steps, standing.samples))
        while now - self._marks[0][0] > RATE_SECONDS:
            self._marks.popleft()
        began, member_steps, samples = self._marks[0]
        seconds = max(now - began, 1e-9)
        return (standing.member_steps - member_steps) / seconds, (
            standing.samples - samples
        ) / seconds
