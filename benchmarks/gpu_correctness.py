"""Packs on a device against plain torch alone on the same device."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from engine_contenders import member_of, pack_of

from trainables import Halving, Pack, train
from trainables import training as training_module
from trainables.alone import evaluate_alone, train_alone
from trainables.engine import Engine
from trainables.families.activation_modules import ACTIVATION_MODULES
from trainables.gpu.tensor_engine import TensorEngine
from trainables.optimisers import OPTIMISERS


@dataclass(frozen=True, kw_only=True)
class Tolerance:
    """The relative differences that losses in a pack may have: the median one, the largest one."""

    median: float
    largest: float


TOLERANCES = {
    torch.float64: Tolerance(median=1e-10, largest=1e-10),
    # Where rounding puts a ReLU's input on the other side of zero, a member goes another way, as it
    # does between torch's own Adam, fused and not. With TF32 the median of some packs is too large.
    torch.float32: Tolerance(median=1e-5, largest=2e-3),
}


def packs_to_check() -> Iterator[tuple[str, Pack]]:
    """A pack of every optimiser and activation, of several depths and widths, with its name.

    Every other one trains each member on a stream of its own; every third one halves.
    """
    kinds = itertools.product(OPTIMISERS, ACTIVATION_MODULES)
    for number, (optimizer, activation) in enumerate(kinds):
        members = [
            member_of(
                trial,
                depth=(trial + 1) % 4,
                width=(5, 16, 33, 48)[(trial + number) % 4],
                multiplication=number % 4 == 3,
                activation=activation,
                optimizer=optimizer,
                schedule=("cosine", "linear", "constant")[number % 3],
                learning_rate=3e-3,
                weight_decay=0.1,
                momentum=0.9,
                **({"data_seed": trial} if number % 2 else {}),
            )
            for trial in range(4)
        ]
        halving = Halving(grace_period=20, reduction_factor=2, min_survivors=2)
        yield (
            f"{optimizer}, {activation}",
            pack_of(
                members,
                dimension=3 + number % 3,
                batch_size=64,
                steps=96,
                halving=halving if number % 3 == 2 else None,
            ),
        )


def differences(pack: Pack, device: torch.device, dtype: torch.dtype) -> list[float]:
    """By member: the largest relative difference of its losses at all rungs from those alone."""
    losses: dict[Any, dict[int, float | None]] = {}
    for report in train(pack, device=device, dtype=dtype):
        for evaluation in report.evaluations:
            loss = None if evaluation.loss is None else evaluation.loss.normalised
            losses.setdefault(evaluation.member, {})[report.step] = loss
    largest = []
    for member, by_step in losses.items():
        differences = []
        for point in train_alone(pack, member, device=device, dtype=dtype):
            if point.step in by_step:
                last = point.step == pack.steps
                network = point.network if last else point.average
                expected = evaluate_alone(network, pack, member, rung=not last, device=device)
                got = by_step[point.step]
                differences.append(float("inf") if got is None else abs(got / expected - 1))
            if point.step == max(by_step):
                break
        largest.append(max(differences))
    return largest


def use_tensor_engine_everywhere() -> None:
    """Train on a processor too as on a GPU: for dry runs."""

    def engine_for(pack: Pack, *, device: torch.device, dtype: torch.dtype, threads: int) -> Engine:
        return TensorEngine(pack, device=device, dtype=dtype)

    training_module.engine_for = engine_for
