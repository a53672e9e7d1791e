"""The Ray adapter: one Tune trial trains one pack and writes its rows.

The driver imports it too, to say what workers are to run: torch is imported when a pack begins.
"""

import os
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import ray
from ray import tune

# Ray names its workers by it, and has no public call and no types for it.
from ray._raylet import setproctitle  # type: ignore[attr-defined]

from results import OutputFolder, constructed_nmse

from .pack import Member, Pack

if TYPE_CHECKING:
    import torch

    from .training import Evaluation, Report

REPORT_SECONDS = 2.0
"""A pack reports to Tune at most so often before it ends: a report costs a round trip."""

TF32_SUFFIX = ", TF32"

Row = dict[str, Any]


@dataclass
class PackRows:
    """The rows of a pack, collected from the reports of its training."""

    pack: Pack
    device: str
    worker: str
    started_at: datetime
    curves: list[Row] = field(default_factory=list)
    trials: dict[Member, Row] = field(default_factory=dict)
    _seconds: float = 0.0
    _member_seconds: dict[Member, float] = field(default_factory=dict)

    def add(self, report: "Report", seconds: float) -> None:
        """Take in a report that was `seconds` of work since the one before."""
        self._seconds += seconds
        for evaluation in report.evaluations:
            member = evaluation.member
            spent = self._member_seconds.get(member, 0.0) + seconds / len(report.evaluations)
            self._member_seconds[member] = spent
            self.curves.append(self._curve_row(report, evaluation))
            if evaluation.status != "running":
                self.trials[member] = self._trial_row(report, evaluation, spent)

    def collect(self, reports: "Iterator[Report]") -> "Iterator[Report]":
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

    def _curve_row(self, report: "Report", evaluation: "Evaluation") -> Row:
        loss = evaluation.loss
        return self._key(evaluation.member) | {
            "step": report.step,
            "samples_at_step": report.samples,
            "train_loss_at_step": evaluation.train_loss,
            "loss_at_step": None if loss is None else loss.mean,
            "nmse_at_step": None if loss is None else loss.normalised,
            "scheduled_learning_rate": evaluation.scheduled_learning_rate,
        }

    def _trial_row(self, report: "Report", evaluation: "Evaluation", spent: float) -> Row:
        pack, member, loss = self.pack, evaluation.member, evaluation.loss
        task = pack.task
        return self._key(member) | {
            "pack": pack.number,
            "status": evaluation.status,
            "dimension": task.dimension,
            "target": task.target,
            "inputs": task.inputs,
            "scale": task.scale,
            "data": task.data,
            "label_noise_std": task.label_noise_std,
            "multiplication": member.multiplication,
            "depth": member.depth,
            "width": member.width,
            "layer_sizes": "-".join(str(size) for size in member.layer_sizes),
            "learning_rate": member.learning_rate,
            "activation": member.activation,
            "optimizer": member.optimizer,
            "schedule": member.schedule,
            "batch_size": pack.batch_size,
            "initialisation_seed": member.initialisation_seed,
            "data_seed": member.data_seed,
            "evaluation_seed": member.evaluation_seed,
            "steps": report.step,
            "schedule_steps": pack.steps,
            "samples": report.samples,
            "parameters": member.parameters(task.dimension),
            "train_loss": evaluation.train_loss,
            "loss": None if loss is None else loss.mean,
            "loss_stderr": None if loss is None else loss.standard_error,
            "nmse": None if loss is None else loss.normalised,
            "constructed_nmse": constructed_nmse(
                dimension=task.dimension,
                multiplication=member.multiplication,
                depth=member.depth,
                width=member.width,
                activation=member.activation,
            ),
            "started_at": self.started_at,
            "train_seconds": spent,
            "device": self.device,
            "worker": self.worker,
        }


def pack_rows(pack: Pack, reports: "Iterator[Report]", *, device: str, worker: str) -> PackRows:
    """The rows of `pack`, trained to the end by `reports`."""
    rows = PackRows(pack=pack, device=device, worker=worker, started_at=datetime.now(UTC))
    for _ in rows.collect(reports):
        pass
    return rows


class PackTrainable(tune.Trainable):
    """Train the pack of the trial's config, write its rows, report them.

    The config holds `pack` (`Pack.to_plain`), `title` (what people see the worker do), `out` (the
    output folder's URI) and `cpus` (the threads to use). The actor is reused from pack to pack. A
    report before the last says how far the pack is and holds the rows of curves since the report
    before; the last one holds all rows, as they were written.
    """

    def setup(self, config: Mapping[str, Any]) -> None:
        """Begin a pack. Tune calls this in the worker's process."""
        import torch

        from .training import train

        torch.set_num_threads(1)
        self._title = str(config["title"])
        self._folder = OutputFolder(config["out"])
        device = _device()
        pack = Pack.from_plain(config["pack"])
        self._rows = PackRows(
            pack=pack,
            device=_device_name(device, pack),
            worker=f"{socket.gethostname()}:{os.getpid()}",
            started_at=datetime.now(UTC),
        )
        self._reports = self._rows.collect(
            train(pack, device=device, threads=max(1, int(config["cpus"])))
        )
        self._reported = 0

    def __repr__(self) -> str:
        """The pack's title: Ray reads it once, so its list of actors shows a worker's first."""
        return self._title

    def reset_config(self, new_config: Mapping[str, Any]) -> bool:
        """Begin another pack in the same actor."""
        self.setup(new_config)
        return True

    def step(self) -> dict[str, Any]:
        """Train until the pack is done or REPORT_SECONDS have passed."""
        began = time.monotonic()
        setproctitle(f"ray::{self._title}")
        pack = self._rows.pack
        for report in self._reports:
            if time.monotonic() - began >= REPORT_SECONDS and report.step < pack.steps:
                alive = sum(each.status == "running" for each in report.evaluations)
                if alive:
                    news = self._rows.curves[self._reported :]
                    self._reported = len(self._rows.curves)
                    return {
                        "done": False,
                        "at_step": report.step,
                        "alive": alive,
                        "curve_rows": news,
                    }
        trials, curves = self._rows.trial_rows(), self._rows.curves
        self._folder.write_pack(pack.study, pack.number, trials, curves)
        return {"done": True, "trial_rows": trials, "curve_rows": curves}


def _device() -> "torch.device":
    """The GPU that Ray gave this worker, else the CPU."""
    import torch

    if ray.get_gpu_ids() and torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("cpu")


def _device_name(device: "torch.device", pack: Pack) -> str:
    """What `device` is in the rows: with TF32 the numbers are others than without."""
    if device.type == "cpu":
        return "cpu"
    import torch

    return torch.cuda.get_device_name(device) + (TF32_SUFFIX if pack.tf32 else "")
