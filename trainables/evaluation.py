"""The loss of members on held-out pairs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from .sources import NoisyPairs, Source
from .stack import Stack


@dataclass(frozen=True, kw_only=True)
class Loss:
    """Mean squared error on noise-free pairs, its standard error, and as a share of the variance.

    `normalised` (nmse) is the loss over the sample variance of the labels: 1 - R^2, and
    `normalised_standard_error` the standard error over the same. `rmse_excess` is, for each of the
    source's sets of noisy pairs, the root mean squared error there minus that of the labels without
    their noise.
    """

    mean: float
    standard_error: float
    normalised: float
    normalised_standard_error: float
    rmse_excess: Mapping[str, float] = field(default_factory=dict, hash=False)


def evaluate(stack: Stack, source: Source, pairs: int, *, averaged: bool) -> list[Loss]:
    """The loss of every member of `stack` on its evaluation pairs, in the stack's order.

    `averaged` judges the running average of the weights. Sums are taken in float64.
    """
    seeds = _streams([member.evaluation_seed for member in stack.members])
    held_out = source.evaluation(
        seeds,
        data_seeds=_streams([member.data_seed for member in stack.members]),
        device=stack.device,
        dtype=stack.dtype,
    )
    evaluator = stack.evaluator(held_out.batches, averaged=averaged)
    streams = held_out.batches.labels.shape[1]
    label_sums = torch.zeros(2, streams, device=stack.device, dtype=torch.float64)
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
    standard_error = (spread / pairs).sqrt()
    numbers = torch.stack([mean, standard_error, mean / variance, standard_error / variance])
    return [
        Loss(
            mean=of_member[0],
            standard_error=of_member[1],
            normalised=of_member[2],
            normalised_standard_error=of_member[3],
        )
        for of_member in numbers.T.tolist()
    ]


def rmse_excess(stack: Stack, source: Source) -> list[dict[str, float]]:
    """How far every member of `stack` is from the truth on the source's sets of noisy pairs.

    The root mean squared error minus that of the labels without their noise, by the set's name.
    """
    sets = source.noisy(
        _streams([member.data_seed for member in stack.members]),
        _streams([member.evaluation_seed for member in stack.members]),
        device=stack.device,
        dtype=stack.dtype,
    )
    excesses: list[dict[str, float]] = [{} for _ in stack.members]
    for name, pairs in sets.items():
        for excess, value in zip(excesses, _excess(stack, pairs).tolist(), strict=True):
            excess[name] = value
    return excesses


def _excess(stack: Stack, pairs: NoisyPairs) -> Tensor:
    """(K,)."""
    count, squared = 0, torch.zeros(len(stack.members), device=stack.device, dtype=torch.float64)
    squared_noise: Tensor | None = None
    for batches, noise in pairs.parts():
        evaluator = stack.evaluator(batches, averaged=False)
        evaluator.add()
        squared += evaluator.sums[0]
        count += noise[:, 0].numel()
        # Stream by stream, as above.
        of_streams = noise.double().square().transpose(0, 1).contiguous()
        sums = torch.stack([each.sum() for each in of_streams])
        squared_noise = sums if squared_noise is None else squared_noise + sums
    assert squared_noise is not None
    return (squared / count).sqrt() - (squared_noise / count).sqrt()


def _streams(seeds: Sequence[int]) -> list[int]:
    """One seed if all are equal, else all of them: the streams of a stack."""
    return [seeds[0]] if len(set(seeds)) == 1 else list(seeds)
