"""What became of each study: its plan, its row of the summary and its rows of the tables."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median
from typing import Any

from spaces.vocabulary import LINEAR, short_layers

from ..rows import CurveRow, TrialRow, curves_of, trials_of
from ..span import Span
from .loss_text import is_exact, loss_text
from .reported import PlannedStudy, ReportedSearch

_NOISY = 0.1
"""A standard error of more than this share of the loss leaves it one digit."""
_CLEARLY = 0.9
"""By hand is lower where it is below this share of what was trained: the rest may be noise."""


@dataclass(frozen=True, kw_only=True, eq=False)
class StudyOutcome:
    """A study and what is known of it."""

    study: PlannedStudy
    row: Mapping[str, Any]
    """Its row of `SUMMARY`."""
    trials: Sequence[TrialRow]
    """Those of its search."""
    replicates: Sequence[TrialRow]
    """The best trial's confirm replicates at steps_factor 1."""
    longer: Sequence[TrialRow]
    """Those at the largest factor above 1."""
    curves: Sequence[CurveRow]
    """Of its search and of all those replicates, each curve in the order of its steps."""

    @property
    def label(self) -> str:
        """Its short name."""
        return self.study.label

    @property
    def found(self) -> bool:
        """Whether it has a best trial."""
        return self.row["best_trial"] is not None

    @cached_property
    def best(self) -> TrialRow | None:
        """The row of the best trial."""
        return next((row for row in self.trials if row.trial == self.row["best_trial"]), None)

    @property
    def confirmed(self) -> bool:
        """Whether the best trial was trained again."""
        return len(self.replicates) > 0

    @property
    def reached(self) -> float | None:
        """The median nmse of the replicates; without any, the search's lowest.

        Infinite where most replicates diverged; None without a completed trial.
        """
        if not self.confirmed:
            return _number(self.row["nmse_search"])
        known = _number(self.row["nmse"])
        return math.inf if known is None else known

    @property
    def span(self) -> Span | None:
        """The range of retraining one network; None with fewer than two replicates."""
        if len(self.replicates) < 2:
            return None
        low, high = (_number(self.row[name]) for name in ("nmse_min", "nmse_max"))
        return (math.inf if low is None else low, math.inf if high is None else high)

    @property
    def over_seeds(self) -> Span | None:
        """The interval of what such a search reaches, whatever its seed; None where unknown."""
        low, high = self.row["nmse_low"], self.row["nmse_high"]
        return None if low is None or high is None else (low, high)

    @property
    def exact(self) -> bool:
        """Whether what it reached is no more than rounding."""
        return is_exact(self.reached)

    @property
    def by_hand(self) -> float | None:
        """The nmse of a network of the best trial's size with weights set by hand."""
        return _number(self.row["constructed_nmse"])

    @property
    def by_hand_is_lower(self) -> bool:
        """Whether weights set by hand beat every replicate (or the search, unconfirmed)."""
        reached, by_hand = self.reached, self.by_hand
        if reached is None or by_hand is None or self.exact:
            return False
        return by_hand < _CLEARLY * (self.span[0] if self.span else reached)

    @cached_property
    def digits(self) -> int:
        """How many digits of the loss mean something."""
        rows = self.replicates or [row for row in (self.best,) if row is not None]
        shares = [row.loss_stderr / row.loss for row in rows if row.loss and row.loss_stderr]
        return 1 if shares and median(shares) > _NOISY else 2

    @property
    def reached_text(self) -> str:
        """What it reached, in a sentence."""
        return loss_text(self.reached, self.digits)

    @property
    def network(self) -> str:
        """The best trial's hidden layers: 61-61-61; linear; - where there is none, or no layers."""
        # Empty at depth 0: in rows of releases before the word.
        layer_sizes = self.row["layer_sizes"]
        return "-" if layer_sizes is None else short_layers(layer_sizes or LINEAR)


def study_outcomes(search: ReportedSearch) -> list[StudyOutcome]:
    """Return the outcome of every study of the spec, in its order."""
    trials: dict[str, list[TrialRow]] = {}
    curves: dict[str, list[CurveRow]] = {}
    for row in trials_of(search.trials):
        trials.setdefault(row.study, []).append(row)
    for point in curves_of(search.curves):
        curves.setdefault(point.study, []).append(point)
    return [
        _outcome(study, row, trials.get(study.name, []), curves.get(study.name, []))
        for study, row in zip(search.studies, search.summary.to_pylist(), strict=True)
    ]


def _outcome(
    study: PlannedStudy,
    summary: Mapping[str, Any],
    trials: Sequence[TrialRow],
    curves: Sequence[CurveRow],
) -> StudyOutcome:
    best = summary["best_trial"]
    confirmed = [row for row in trials if row.phase == "confirm" and row.trial == best]
    longest = max((row.steps_factor for row in confirmed), default=1)
    return StudyOutcome(
        study=study,
        row=summary,
        trials=[row for row in trials if row.phase == "search"],
        replicates=[row for row in confirmed if row.steps_factor == 1],
        longer=[row for row in confirmed if row.steps_factor == longest > 1],
        curves=[row for row in curves if row.phase == "search" or row.trial == best],
    )


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
