"""The loss of members on held-out pairs."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from .pack import Task
from .sources import source_of
from .stack import Stack


@dataclass(frozen=True, kw_only=True)
class Loss:
    """Mean squared error on noise-free pairs, its standard error, and as a share of the variance.

    `normalised` (nmse) is the loss over the sample variance of the labels: 1 - R^2.
    """

    mean: float
    standard_error: float
    normalised: float


def evaluate(stack: Stack, task: Task, pairs: int, *, averaged: bool) -> list[Loss]:
    """The loss of every member of `stack` on its evaluation pairs, in the stack's order.

    `averaged` judges the running average of the weights. Sums are taken in float64.
    """
    seeds = _streams([member.evaluation_seed for member in stack.members])
    held_out = source_of(task).evaluation(seeds, device=stack.device, dtype=stack.dtype)
    evaluator = stack.evaluator(held_out.batches, averaged=averaged)
    label_sums = torch.zeros(2, len(seeds), device=stack.device, dtype=torch.float64)
    for part in held_out.parts(pairs):
        evaluator.add()
        for stream, labels in enumerate(part.labels.double().transpose(0, 1).contiguous()):
            # Each by itself: the order of a sum depends on the layout of what is summed.
            label_sums[0, stream] += labels.sum()
            label_sums[1, stream] += labels.square().sum()
    mean, mean_square = evaluator.sums / pairs
    spread = (mean_square - mean.square()).clamp_min_(0) * pairs / (pairs - 1)
    label_mean = label_sums[0] / pairs
    variance = (label_sums[1] - pairs * label_mean.square()) / (pairs - 1)
    normalised = mean / variance
    standard_error = (spread / pairs).sqrt()
    return [
        Loss(mean=one, standard_error=error, normalised=share)
        for one, error, share in zip(
            mean.tolist(), standard_error.tolist(), normalised.tolist(), strict=True
        )
    ]


def _streams(seeds: Sequence[int]) -> list[int]:
    """One seed if all are equal, else all of them: the streams of a stack."""
    return [seeds[0]] if len(set(seeds)) == 1 else list(seeds)
