"""The rows of a pack, collected from the reports of its training."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from results import constructed_nmse

from .families import family_of
from .families.mlp import Mlp
from .pack import Member, Pack
from .training import Evaluation, Report

Row = dict[str, Any]


@dataclass
class PackRows:
    """The rows of a pack, collected from the reports of its training."""

    pack: Pack
    device: str
    worker: str
    execution: int
    started_at: datetime
    curves: list[Row] = field(default_factory=list)
    trials: dict[Member, Row] = field(default_factory=dict)
    _seconds: float = 0.0
    _member_seconds: dict[Member, float] = field(default_factory=dict)

    def add(self, report: Report, seconds: float) -> None:
        """Take in a report that was `seconds` of work since the one before."""
        self._seconds += seconds
        for evaluation in report.evaluations:
            member = evaluation.member
            spent = self._member_seconds.get(member, 0.0) + seconds / len(report.evaluations)
            self._member_seconds[member] = spent
            self.curves.append(self._curve_row(report, evaluation))
            if evaluation.status != "running":
                self.trials[member] = self._trial_row(report, evaluation, spent)

    def collect(self, reports: Iterator[Report]) -> Iterator[Report]:
        """Pass the reports on as they come, with their rows taken in and their time taken."""
        began = time.perf_counter()
        for report in reports:
            now = time.perf_counter()
            self.add(report, now - began)
            began = now
            yield report

    def trial_rows(self) -> list[Row]:
        """A row for every member, in the pack's order, once all have ended."""
        return [
            {**self.trials[member], "pack_seconds": self._seconds} for member in self.pack.members
        ]

    def _key(self, member: Member) -> Row:
        pack = self.pack
        return {
            "search": pack.search,
            "study": pack.study,
            "trial": member.trial,
            "phase": pack.phase,
            "replicate": member.replicate,
            "steps_factor": pack.steps_factor,
        }

    def _curve_row(self, report: Report, evaluation: Evaluation) -> Row:
        loss = evaluation.loss
        return self._key(evaluation.member) | {
            "step": report.step,
            "samples_at_step": report.samples,
            "train_loss_at_step": evaluation.train_loss,
            "loss_at_step": None if loss is None else loss.mean,
            "nmse_at_step": None if loss is None else loss.normalised,
            "scheduled_learning_rate": evaluation.scheduled_learning_rate,
        }

    def _trial_row(self, report: Report, evaluation: Evaluation, spent: float) -> Row:
        pack, member, loss = self.pack, evaluation.member, evaluation.loss
        task, family, mlp = pack.task, family_of(member), Mlp.of(member)
        return self._key(member) | {
            "pack": pack.number,
            "status": evaluation.status,
            "dimension": task.dimension,
            "target": task.target,
            "inputs": task.inputs,
            "scale": task.scale,
            "data": task.data,
            "label_noise_std": task.label_noise_std,
            **member.hyperparameters,
            "layer_sizes": "-".join(str(size) for size in family.layer_sizes(member)),
            "batch_size": pack.batch_size,
            "initialisation_seed": member.initialisation_seed,
            "data_seed": member.data_seed,
            "evaluation_seed": member.evaluation_seed,
            "steps": report.step,
            "schedule_steps": pack.steps,
            "samples": report.samples,
            "parameters": family.parameters(member, task.dimension),
            "train_loss": evaluation.train_loss,
            "loss": None if loss is None else loss.mean,
            "loss_stderr": None if loss is None else loss.standard_error,
            "nmse": None if loss is None else loss.normalised,
            "constructed_nmse": constructed_nmse(
                dimension=task.dimension,
                multiplication=mlp.multiplication,
                depth=mlp.depth,
                width=mlp.width,
                activation=mlp.activation,
            ),
            "started_at": self.started_at,
            "train_seconds": spent,
            "device": self.device,
            "worker": self.worker,
            "execution": self.execution,
        }


def pack_rows(
    pack: Pack, reports: Iterator[Report], *, device: str, worker: str, execution: int = 0
) -> PackRows:
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
    return rows
