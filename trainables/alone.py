"""One member trained alone, with plain torch.nn and torch.optim: the reference of every row.

What it shares with the engines is what defines the row: the pairs (`sources`), the initial weights
(`families`), the schedule and the weight of the running average (`schedules`). Forward and backward
pass, loss, optimiser and evaluation are torch's own.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from .families import family_of
from .families.dropout import begin_step
from .optimisers import OPTIMISERS, moments_of, torch_settings
from .optimisers.adam import BETA_1
from .pack import Member, Pack, Task
from .schedules import SCHEDULES, average_weight
from .sources import source_of
from .sources.batches import RUNG_PAIRS, SELECTION_PAIRS


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A member trained alone, after `step` steps.

    `network` holds the weights, `average` their running average; `train_loss` (0-dimensional, where
    the network is) is the mean squared error on the last batch, before its step.
    """

    step: int
    train_loss: Tensor
    network: nn.Module
    average: nn.Module


def train_alone(
    pack: Pack,
    member: Member,
    *,
    device: torch.device,
    dtype: torch.dtype = torch.float32,
) -> Iterator[Checkpoint]:
    """Train `member` of `pack` with torch's own optimiser, with a checkpoint after every step.

    The checkpoint's networks are the live ones: the next step changes them.
    """
    task, family = pack.task, family_of(member)
    network = family.reference(member, task).to(device, dtype)
    average = family.reference(member, task).to(device, dtype)
    optimizer = OPTIMISERS[member.optimizer].reference(
        _groups(network, family.undecayed(network)),
        lr=torch_rate(member.learning_rate, dtype, beta_1=moments_of(member).beta_1),
        **torch_settings(member),
    )
    factor_at = SCHEDULES[member.schedule]
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: factor_at(step, pack.steps)
    )
    stream = source_of(task).training(batch_size=pack.batch_size, device=device, dtype=dtype)
    stream.arrange([member.data_seed])
    for step in range(pack.steps):
        stream.fill(1)
        inputs, labels = stream.block.inputs[0, 0], stream.block.labels[0, 0]
        begin_step(network, step)
        loss = nn.functional.mse_loss(network(*_halves(inputs, task)), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        with torch.no_grad():
            for mean, weight in zip(average.parameters(), network.parameters(), strict=True):
                mean.lerp_(weight, average_weight(step))
        yield Checkpoint(step=step + 1, train_loss=loss.detach(), network=network, average=average)


def _groups(network: nn.Module, undecayed: Sequence[nn.Parameter]) -> list[dict[str, Any]]:
    """The parameters as torch's optimisers take them: those that are decayed, and the others."""
    apart = {id(each) for each in undecayed}
    groups: list[dict[str, Any]] = [
        {"params": [each for each in network.parameters() if id(each) not in apart]}
    ]
    if undecayed:
        groups.append({"params": list(undecayed), "weight_decay": 0.0})
    return groups


def _halves(inputs: Tensor, task: Task) -> tuple[Tensor, Tensor]:
    """Of a batch the two vectors of each pair (B, D), or the rows (B,) of embeddings."""
    if not inputs.is_floating_point():
        return inputs[0], inputs[1]
    dimension = task.dimension
    return inputs[:dimension].T, inputs[dimension : 2 * dimension].T


def torch_rate(
    learning_rate: float, dtype: torch.dtype = torch.float32, *, beta_1: float = BETA_1
) -> float:
    """Infinity for a learning rate whose first step `dtype` can't hold, else the rate itself.

    It is ten times the rate, corrected for the moment's bias, or 1 / (1 - `beta_1`) times. Torch
    refuses such a number, though not infinity; in the kernels it becomes infinity by itself.
    """
    return learning_rate if learning_rate <= torch.finfo(dtype).max * (1 - beta_1) else math.inf


@torch.no_grad()
def evaluate_alone(
    network: nn.Module, pack: Pack, member: Member, *, rung: bool, device: torch.device
) -> float:
    """The nmse of `network` on the evaluation pairs of `member`, those of a rung or all.

    Infinite where the mean squared error is more than the network's numbers can hold, or the labels
    are all alike.
    """
    network.eval()
    dtype = next(network.parameters()).dtype
    errors, labels = [], []
    pairs = source_of(pack.task).evaluation(
        [member.evaluation_seed], data_seeds=[member.data_seed], device=device, dtype=dtype
    )
    for part in pairs.parts(RUNG_PAIRS if rung else SELECTION_PAIRS):
        for inputs, expected in zip(part.inputs[:, 0], part.labels[:, 0], strict=True):
            errors.append(network(*_halves(inputs, pack.task)) - expected)
            labels.append(expected.clone())
    loss = float(torch.cat(errors).double().square().mean())
    variance = float(torch.cat(labels).double().var())
    if not loss <= torch.finfo(dtype).max or not variance > 0:
        return math.inf
    return loss / variance
