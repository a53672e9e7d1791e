"""One row of `trials`, trained again alone from what it holds: with plain torch, and exactly."""

import difflib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pyarrow.compute
import torch
from torch import nn

from results import OutputError, OutputFolder
from results.rows import TrialRow, trials_of
from spaces import Spec
from trainables import EarlyStopping, Halving, Member, Pack, Task, train
from trainables.alone import evaluate_alone, train_alone
from trainables.pack_trainable import TF32_SUFFIX
from trainables.ratings import TableError
from trainables.sources import source_of

from ..saved_search.folder_state import folder_state, searched

RELATIVE_TOLERANCE = 0.1
NMSE_FLOOR = 1e-9
CPU = torch.device("cpu")
ROUNDINGS = (-2, -1, 1, 2)
"""Units by which the learning rate is moved, each 2^-22 of it, to see what rounding does."""


class RowNotFoundError(OutputError):
    """No row of `trials` is what the user asked for, or it can't be trained here."""


@dataclass(frozen=True, kw_only=True)
class Reproduction:
    """A row's nmse as stored and as obtained again; None where it is not finite.

    `obtained` is plain torch's, `retrained` that of dottune's own engine, `sensitivity` how far
    the latter moves, in nmse, when the learning rate moves by a few units of rounding.
    """

    row: TrialRow
    stored: float | None
    obtained: float | None
    retrained: float | None
    sensitivity: float
    network: nn.Module
    """The weights that the nmse judges: the running average where the trial was pruned."""

    @property
    def tolerance(self) -> float:
        """How far the two may lie apart, in nmse.

        Plain torch does the same arithmetic in another order. Training amplifies that rounding step
        by step, most at high learning rates: by how much depends on the row, so the row's own
        sensitivity to rounding is measured and counted twice (docs/reproduce.md). Below an nmse of
        1e-9 the loss itself is what float32 rounding leaves; only its smallness is reproducible.
        """
        return RELATIVE_TOLERANCE * (self.stored or 0.0) + 2 * self.sensitivity + NMSE_FLOOR

    @property
    def diverged_in_both(self) -> bool:
        """Whether the row diverged, and plain torch did too."""
        return self.stored is None and self.obtained is None

    @property
    def agrees(self) -> bool:
        """Whether stored and obtained are within the tolerance, or both diverged."""
        if self.stored is None or self.obtained is None:
            return self.stored is self.obtained
        return abs(self.stored - self.obtained) <= self.tolerance

    @property
    def exact(self) -> bool:
        """Whether the engine gave the stored bits."""
        return self.stored == self.retrained


def find_row(
    folder: OutputFolder,
    *,
    study: str | None,
    trial: int,
    replicate: int | None = None,
    steps_factor: int = 1,
) -> TrialRow:
    """The row of a trial, or of a confirm replicate where `replicate` is given.

    `study` may be None where the search has only one. Raises RowNotFoundError, OutputError.
    """
    spec = searched(folder_state(folder)).spec
    trials = folder.read_trials()
    if not trials.num_rows:
        raise OutputError(f"{folder.uri} holds no trials; resume the search")
    names = trials["study"].unique().to_pylist()
    if study is None:
        if len(names) > 1:
            raise RowNotFoundError(
                f"say which study with --study, one of {len(names)}: {'; '.join(names[:20])}"
            )
        study = names[0]
    if study not in names:
        nearest = difflib.get_close_matches(study, names, n=1, cutoff=0.0)[0]
        raise RowNotFoundError(f"there is no study {study!r}; did you mean {nearest!r}?")
    wanted = {
        "study": study,
        "trial": trial,
        "phase": "search" if replicate is None else "confirm",
        "replicate": replicate or 0,
        "steps_factor": steps_factor,
    }
    table = trials
    for name, value in wanted.items():
        table = table.filter(pyarrow.compute.equal(table[name], value))
    if not table.num_rows:
        raise RowNotFoundError(_not_found(trials, wanted))
    return _with_its_table(trials_of(table)[0], spec)


def _with_its_table(row: TrialRow, spec: Spec) -> TrialRow:
    """The row with its table of ratings where the spec has it: that may have moved since."""
    task = spec.task
    if task.table is None or row.task["fingerprint"] != task.fingerprint:
        return row
    return replace(row, task={**row.task, "table": task.table})


def _not_found(trials: pyarrow.Table, wanted: Mapping[str, Any]) -> str:
    rows = [
        row
        for row in trials.select(list(wanted)).to_pylist()
        if row["study"] == wanted["study"] and row["phase"] == wanted["phase"]
    ]
    asked = ", ".join(f"{name} {value}" for name, value in wanted.items() if name != "study")
    numbers = sorted({row["trial"] for row in rows})
    if not numbers:
        return f"no row has {asked}: study {wanted['study']!r} has no {wanted['phase']} rows"
    spread = str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"
    replicates = max(row["replicate"] for row in rows)
    factors = sorted({row["steps_factor"] for row in rows})
    return (
        f"no row has {asked}; the {wanted['phase']} rows of {wanted['study']!r} have trial "
        f"{spread}, replicate 0 to {replicates}, steps_factor {factors}"
    )


def pack_of(row: TrialRow) -> Pack:
    """The pack that holds the row's network alone."""
    task: Mapping[str, Any] = row.task
    member = Member(
        trial=row.trial,
        replicate=row.replicate,
        hyperparameters=row.hyperparameters,
        initialisation_seed=row.initialisation_seed,
        data_seed=row.data_seed,
        evaluation_seed=row.evaluation_seed,
    )
    return Pack(
        search=row.search,
        study=row.study,
        number=row.pack,
        phase=row.phase,
        steps_factor=row.steps_factor,
        task=Task(**task),
        batch_size=row.batch_size,
        steps=row.schedule_steps,
        halving=None,
        tf32=row.device.endswith(TF32_SUFFIX),
        members=(member,),
    )


def row_device(row: TrialRow) -> torch.device:
    """The device on which the row can be reproduced: random streams differ between kinds.

    Raises RowNotFoundError where this machine lacks it.
    """
    if row.device == "cpu":
        return CPU
    if torch.cuda.is_available():
        return torch.device("cuda")
    raise RowNotFoundError(
        f"this row was trained on {row.device}, whose random batches a CPU can't draw; "
        "reproduce it on a machine with such a GPU"
    )


def reproduce(row: TrialRow, on_step: Callable[[int], object] = lambda step: None) -> Reproduction:
    """Train the row's network alone, up to the step that the row ended at.

    Raises RowNotFoundError where this machine lacks the row's GPU, or its table.
    """
    pack, device = pack_of(row), row_device(row)
    (member,) = pack.members
    try:
        source_of(pack.task)
    except TableError as error:
        raise RowNotFoundError(f"this row's table {error}") from None
    for checkpoint in train_alone(pack, member, device=device):
        on_step(checkpoint.step)
        if checkpoint.step == row.steps:
            break
    on_the_way = left_on_the_way(row)
    network = checkpoint.average if on_the_way else checkpoint.network
    nmse = evaluate_alone(network, pack, member, rung=on_the_way, device=device)
    retrained = retrain(row, device)
    return Reproduction(
        row=row,
        stored=row.nmse,
        obtained=nmse if math.isfinite(nmse) else None,
        retrained=retrained,
        sensitivity=0.0 if retrained is None else _sensitivity(row, retrained, device),
        network=network,
    )


def left_on_the_way(row: TrialRow) -> bool:
    """Whether the row ended at a rung: one that stopped early is completed, and judged as such."""
    return row.status != "completed" and row.steps < row.schedule_steps


def _sensitivity(row: TrialRow, retrained: float, device: torch.device) -> float:
    rate = row.column("learning_rate")
    rates = [rate * (1 + units * 2**-22) for units in ROUNDINGS]
    moved = [
        retrain(
            replace(row, hyperparameters={**row.hyperparameters, "learning_rate": each}), device
        )
        for each in rates
    ]
    return max(math.inf if nmse is None else abs(nmse - retrained) for nmse in moved)


def retrain(row: TrialRow, device: torch.device = CPU) -> float | None:
    """The nmse of the row's network alone in dottune's own engine.

    No number of a member depends on its company there, so these are the stored bits, wherever the
    same versions run on a processor with the same random numbers, or on the same kind of GPU. On a
    GPU that holds for what its fused kernels train; sums of wide networks depend on their stack.
    """
    pack = pack_of(row)
    early_stopping, last_rung = None, row.schedule_steps
    if left_on_the_way(row):
        # The row's last step becomes a rung, so that it is judged in the same way.
        last_rung = row.steps
    elif row.steps < row.schedule_steps and pack.task.pairs is not None:
        # No loss ever counts as fallen, so the patience is what it stops after.
        epochs = row.steps * row.batch_size // pack.task.pairs
        early_stopping = EarlyStopping(patience=epochs, min_delta=math.inf)
    halving = Halving(grace_period=last_rung, reduction_factor=2, min_survivors=1)
    pack = replace(pack, halving=halving, early_stopping=early_stopping)
    report = next(iter(train(pack, device=device)))
    (evaluation,) = report.evaluations
    return None if evaluation.loss is None else evaluation.loss.normalised
