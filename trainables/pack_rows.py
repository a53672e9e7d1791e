"""The rows of a pack, collected from the reports of its training."""

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from results.constructions import Configuration, constructed_nmse
from results.rows import CurveRow, PackResult, TrialRow
from spaces.vocabulary import Status

from .families import family_of
from .pack import Member, Pack
from .stop_rules import stop_rule_of
from .training import Evaluation, Report


@dataclass
class PackRows:
    """The rows of a pack, collected from the reports of its training."""

    pack: Pack
    device: str
    worker: str
    execution: int
    started_at: datetime
    curves: list[CurveRow] = field(default_factory=list)
    _trials: dict[Member, TrialRow] = field(default_factory=dict)
    _first_rung: dict[Member, float | None] = field(default_factory=dict)
    _seconds: float = 0.0
    _seconds_each: float = 0.0
    _began: float | None = None
    """When the latest report came, by this process's clock."""

    def add(self, report: Report, seconds: float) -> None:
        """Take in a report that was `seconds` of work since the one before."""
        self._seconds += seconds
        self._seconds_each += seconds / report.alive
        for evaluation in report.evaluations:
            curve_row = self._curve_row(report, evaluation)
            self.curves.append(curve_row)
            # Who stopped early there has the final loss, which is none to compare at a rung.
            if report.step == self._first_mark and evaluation.status != "completed":
                self._first_rung[evaluation.member] = curve_row.nmse_at_step
            if evaluation.status != "running":
                row = self._trial_row(report, evaluation, evaluation.status)
                self._trials[evaluation.member] = row

    def collect(self, reports: Iterator[Report]) -> Iterator[Report]:
        """Pass the reports on as they come, with their rows taken in and their time taken."""
        self._began = time.perf_counter()
        for report in reports:
            now = time.perf_counter()
            self.add(report, now - self._began)
            self._began = now
            yield report

    @property
    def seconds(self) -> tuple[float, float]:
        """Of the pack's work so far: in all, and for each member that was there all the time."""
        since = 0.0 if self._began is None else time.perf_counter() - self._began
        ended = len(self._trials)
        return self._seconds + since, self._seconds_each + since / (len(self.pack.members) - ended)

    @property
    def so_far(self) -> PackResult:
        """The rows of the members that have ended, and those of all curves."""
        return PackResult(trials=tuple(self._trials.values()), curves=tuple(self.curves))

    def take(self, result: PackResult, *, seconds: tuple[float, float]) -> None:
        """Go on where an earlier worker was, whose rows were `so_far` and whose time `seconds`."""
        members = {(member.trial, member.replicate): member for member in self.pack.members}
        self.curves = list(result.curves)
        self._trials = {members[row.trial, row.replicate]: row for row in result.trials}
        self._first_rung = {
            members[row.trial, row.replicate]: row.nmse_at_step
            for row in result.curves
            if row.step == self._first_mark
        }
        self._seconds, self._seconds_each = seconds

    def result(self) -> PackResult:
        """All rows, those of the trials in the order of the members, once all have ended."""
        trials = (self._trials[member] for member in self.pack.members)
        return PackResult(
            trials=tuple(replace(row, pack_seconds=self._seconds) for row in trials),
            curves=tuple(self.curves),
        )

    @property
    def _first_mark(self) -> int | None:
        """The step of the first rung; None where there is none before the end."""
        return next(iter(stop_rule_of(self.pack.halving).rungs(self.pack.steps)), None)

    def _key(self, member: Member) -> dict[str, Any]:
        pack = self.pack
        return {
            "search": pack.search,
            "study": pack.study,
            "trial": member.trial,
            "phase": pack.phase,
            "replicate": member.replicate,
            "steps_factor": pack.steps_factor,
        }

    def _curve_row(self, report: Report, evaluation: Evaluation) -> CurveRow:
        loss = evaluation.loss
        return CurveRow(
            **self._key(evaluation.member),
            step=report.step,
            samples_at_step=report.samples,
            train_loss_at_step=evaluation.train_loss,
            loss_at_step=None if loss is None else loss.mean,
            nmse_at_step=None if loss is None else loss.normalised,
            scheduled_learning_rate=evaluation.scheduled_learning_rate,
        )

    def _trial_row(self, report: Report, evaluation: Evaluation, status: Status) -> TrialRow:
        pack, member, loss = self.pack, evaluation.member, evaluation.loss
        task, family = pack.task, family_of(member)
        samples, ranking = report.samples, None if loss is None else loss.ranking
        return TrialRow(
            **self._key(member),
            seed=pack.seed,
            pack=pack.number,
            status=status,
            task=asdict(task),
            hyperparameters=member.hyperparameters,
            batch_size=pack.batch_size,
            initialisation_seed=member.initialisation_seed,
            data_seed=member.data_seed,
            evaluation_seed=member.evaluation_seed,
            steps=report.step,
            schedule_steps=pack.steps,
            samples=samples,
            parameters=family.parameters(member, task),
            flops=float(samples * family.flops_per_pair(member, task)),
            train_loss=evaluation.train_loss,
            loss=None if loss is None else loss.mean,
            loss_stderr=None if loss is None else loss.standard_error,
            nmse=None if loss is None else loss.normalised,
            nmse_stderr=None if loss is None else loss.normalised_standard_error,
            nmse_first_rung=self._first_rung.get(member),
            constructed_nmse=constructed_nmse(
                Configuration.of({**asdict(task), **member.hyperparameters})
            ),
            rmse_excess_test=None if loss is None else loss.rmse_excess.get("test"),
            rmse_excess_fresh=None if loss is None else loss.rmse_excess.get("fresh"),
            pearson_r=None if loss is None else loss.pearson_r,
            rmse=None if loss is None else loss.rmse,
            recall_at_10=None if ranking is None else ranking.recall,
            ndcg_at_10=None if ranking is None else ranking.ndcg,
            started_at=self.started_at,
            train_seconds=self._seconds_each,  # of everyone who was alive so long
            pack_seconds=self._seconds,  # so far; `result` knows how many it were in the end
            device=self.device,
            worker=self.worker,
            execution=self.execution,
        )


def pack_result(
    pack: Pack, reports: Iterator[Report], *, device: str, worker: str, execution: int = 0
) -> PackResult:
    """The rows of `pack`, trained to the end by `reports`."""
    rows = PackRows(
        pack=pack,
        device=device,
        worker=worker,
        execution=execution,
        started_at=datetime.now(UTC),
    )
    for _ in rows.collect(reports):
        pass
    return rows.result()
