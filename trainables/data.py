"""The streams of random vector pairs: training batches and evaluation pairs.

Shapes: B pairs in a batch, D the dimension. Batches are feature-major, one pair a column:
`inputs` (3 D + 1, B) holds the rows [a; b; 1; a * b], so that the inputs of a network without
the multiplication input are the first 2 D + 1 rows; the row of ones multiplies the bias.

A stream is defined by its seed and its device's kind: step by step one `randn(2 D, B)` for the
inputs and, only where the labels are noisy, one `randn(B)` for the noise, from one generator.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .pack import Task

BLOCK_STEPS = 16
"""Batches drawn ahead, so that a stack takes several steps while its weights are in the cache."""
EVALUATION_CHUNK = 1024
"""Pairs drawn at once for an evaluation: part of the definition of the evaluation pairs."""
EVALUATION_CHUNKS = 8
"""Chunks in memory at once."""
SELECTION_PAIRS = 65_536
"""Pairs of an evaluation at the last step."""
RUNG_PAIRS = 8_192
"""Pairs of an evaluation at a rung: the first of the selection pairs."""


@dataclass(frozen=True)
class Batches:
    """N batches of S streams: inputs (N, S, 3 D + 1, B) and labels (N, S, B).

    There is one stream for all members, or one for each.
    """

    inputs: Tensor
    labels: Tensor

    @classmethod
    def empty(
        cls,
        number: int,
        streams: int,
        *,
        dimension: int,
        size: int,
        device: torch.device,
        dtype: torch.dtype,
    ) -> "Batches":
        """Memory for `number` batches of `size` pairs; the rows of ones are there."""
        inputs = torch.ones(number, streams, 3 * dimension + 1, size, device=device, dtype=dtype)
        return cls(inputs, torch.empty(number, streams, size, device=device, dtype=dtype))

    def of_streams(self, streams: slice) -> "Batches":
        """The same memory, for some of the streams."""
        return Batches(self.inputs[:, streams], self.labels[:, streams])


class _Filling:
    """Draws pairs into batches, whose views are made once."""

    def __init__(self, task: Task, batches: Batches, label_noise_std: float) -> None:
        self._scale, self._noise_std = task.scale, label_noise_std
        self._dimension = task.dimension
        self._batches = batches
        self._vectors = [
            [inputs[: 2 * task.dimension] for inputs in batch] for batch in batches.inputs
        ]
        self._noise = torch.empty_like(batches.labels) if label_noise_std > 0.0 else None

    def fill(self, generators: Sequence[torch.Generator], number: int) -> None:
        """Draw the next pairs of every stream into the first `number` batches."""
        for index, streams in enumerate(self._vectors[:number]):
            for stream, (generator, vectors) in enumerate(zip(generators, streams, strict=True)):
                vectors.normal_(generator=generator)
                if self._noise is not None:
                    self._noise[index, stream].normal_(generator=generator)
        dimension = self._dimension
        inputs, labels = self._batches.inputs[:number], self._batches.labels[:number]
        if self._scale != 1.0:
            inputs[:, :, : 2 * dimension].mul_(self._scale)
        a, b = inputs[:, :, :dimension], inputs[:, :, dimension : 2 * dimension]
        products = inputs[:, :, 2 * dimension + 1 :]
        torch.mul(a, b, out=products)
        torch.sum(products, 2, out=labels)
        if self._noise is not None:
            labels.add_(self._noise[:number], alpha=self._noise_std)


class TrainingStream:
    """Training batches of one or several seeds, in the order of the steps."""

    def __init__(
        self, task: Task, *, batch_size: int, device: torch.device, dtype: torch.dtype
    ) -> None:
        """A stream of no seeds yet; `arrange` says which."""
        self._task = task
        self._batch_size = batch_size
        self._device, self._dtype = device, dtype
        self._generators: dict[int, torch.Generator] = {}
        self.arrange([])

    @property
    def generators(self) -> list[torch.Generator]:
        """The generators that `fill` draws from."""
        return list(self._generators.values())

    def arrange(self, seeds: Sequence[int]) -> None:
        """From now on give the batches of `seeds`, in this order, each once.

        New seeds start with their first batch; all must therefore be named before the first step.
        """
        self._generators = {
            seed: self._generators.get(seed) or torch.Generator(self._device).manual_seed(seed)
            for seed in seeds
        }
        self.block = Batches.empty(
            BLOCK_STEPS,
            len(self._generators),
            dimension=self._task.dimension,
            size=self._batch_size,
            device=self._device,
            dtype=self._dtype,
        )
        """BLOCK_STEPS batches; `fill` overwrites them."""
        self._filling = _Filling(self._task, self.block, self._task.label_noise_std)

    def fill(self, steps: int) -> None:
        """Draw the next `steps` batches, at most BLOCK_STEPS, into the first of `block`."""
        self._filling.fill(self.generators, steps)


class EvaluationPairs:
    """Noise-free pairs of every seed, EVALUATION_CHUNKS chunks at a time."""

    def __init__(
        self, task: Task, seeds: Sequence[int], *, device: torch.device, dtype: torch.dtype
    ) -> None:
        """Make the memory of the chunks; `seeds` has one entry a stream."""
        self._task, self._seeds, self._device = task, seeds, device
        self.batches = Batches.empty(
            EVALUATION_CHUNKS,
            len(seeds),
            dimension=task.dimension,
            size=EVALUATION_CHUNK,
            device=device,
            dtype=dtype,
        )
        """The chunks at hand; the next ones overwrite them."""

    def parts(self, pairs: int) -> Iterator[Batches]:
        """The first `pairs` pairs from the start, as `batches` with chunks after chunks in it."""
        generators = [torch.Generator(self._device).manual_seed(seed) for seed in self._seeds]
        filling = _Filling(self._task, self.batches, 0.0)
        for _ in range(pairs // (EVALUATION_CHUNK * EVALUATION_CHUNKS)):
            filling.fill(generators, EVALUATION_CHUNKS)
            yield self.batches
