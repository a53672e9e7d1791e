"""The loss of members on held-out pairs."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from .ranking import Ranking
from .sources import NoisyPairs, Source
from .sources.batches import SELECTION_PAIRS
from .sources.modes import FullTensor
from .sources.source import RatedSource
from .stack import PredictingStack, Stack


@dataclass(frozen=True, kw_only=True)
class Loss:
    """Mean squared error on noise-free pairs, its standard error, and as a share of the variance.

    `normalised` (nmse) is the loss over the sample variance of the labels: 1 - R^2, and
    `normalised_standard_error` the standard error over the same. `rmse_excess` is, for each of the
    source's sets of noisy pairs, the root mean squared error there minus that of the labels without
    their noise. `pearson_r` is the correlation of predictions and labels, `rmse` the root mean
    squared error on the test ratings of a table, and `ranking` how the items of its users are
    ranked, where they are asked for.
    """

    mean: float
    standard_error: float
    normalised: float
    normalised_standard_error: float
    rmse_excess: Mapping[str, float] = field(default_factory=dict, hash=False)
    pearson_r: float | None = None
    rmse: float | None = None
    ranking: Ranking | None = None


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
    asked, pairs = pairs, 0
    for part in held_out.parts(asked):
        evaluator.add()
        pairs += part.labels[:, 0].numel()
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


def rmse(stack: Stack, source: Source) -> list[float | None]:
    """The root mean squared error of every member on the test ratings of a table.

    None for other data. Sums are taken in float64.
    """
    if not isinstance(source, RatedSource):
        return [None] * len(stack.members)
    count, squared = 0, torch.zeros(len(stack.members), dtype=torch.float64)
    for pairs in source.test(dtype=stack.dtype):
        evaluator = stack.evaluator(pairs.batches, averaged=False)
        for part in pairs.parts(pairs.count):
            evaluator.add()
            count += part.labels.numel()
        squared += evaluator.sums[0]
    return list((squared / count).sqrt().tolist())


def pearson_r(stack: Stack, source: Source) -> list[float | None]:
    """Pearson's R of every member's predictions and the labels, of a whole tensor.

    None for other data, and where all predictions are alike or one is not finite.
    """
    if not (isinstance(source, FullTensor) and isinstance(stack, PredictingStack)):
        return [None] * len(stack.members)
    pairs = source.evaluation(
        _streams([member.evaluation_seed for member in stack.members]),
        data_seeds=_streams([member.data_seed for member in stack.members]),
        device=stack.device,
        dtype=stack.dtype,
    )
    correlations = [_Correlation() for _ in stack.members]
    streams, size = pairs.batches.labels.shape[1:]
    predictions_of = stack.predictor(streams=streams, size=size)
    for part in pairs.parts(SELECTION_PAIRS):
        labels = part.labels.double().transpose(0, 1).flatten(1)
        for index, predictions in enumerate(predictions_of(part.inputs).double()):
            correlations[index].add(predictions, labels[index if len(labels) > 1 else 0])
    return [each.value for each in correlations]


class _Correlation:
    """Pearson's R of two lists of numbers (B,), float64, some of them at a time."""

    def __init__(self) -> None:
        """Of none yet."""
        self._count = 0
        self._first: tuple[Tensor, Tensor] | None = None
        self._sums = [0.0] * 5

    def add(self, a: Tensor, b: Tensor) -> None:
        """Take in more of both."""
        # From the first of each: numbers that are all alike are exactly 0 then.
        self._first = self._first or (a[0].clone(), b[0].clone())
        a, b = a - self._first[0], b - self._first[1]
        self._count += len(a)
        added = (a, b, a * a, b * b, a * b)
        self._sums = [
            before + float(each.sum()) for before, each in zip(self._sums, added, strict=True)
        ]

    @property
    def value(self) -> float | None:
        """None where one of the lists holds one number alone, or something that is not finite."""
        a, b, squares_of_a, squares_of_b, products = (each / self._count for each in self._sums)
        variances = (squares_of_a - a * a) * (squares_of_b - b * b)
        if not 0 < variances < math.inf:
            return None
        return max(-1.0, min(1.0, (products - a * b) / math.sqrt(variances)))


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
