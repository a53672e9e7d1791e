"""Streams of random vector pairs: training batches and evaluation pairs that never repeat.

A stream is defined by its seed and its device's kind: step by step one draw of (2 D, B) for the
vectors and, only where the labels are noisy, one `randn(B)` for the noise, from one generator.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

import torch
from torch import Tensor

from ..pack import Task
from .batches import BLOCK_STEPS, EVALUATION_CHUNK, EVALUATION_CHUNKS, Batches
from .inputs import INPUTS
from .source import EvaluationPairs, NoisyPairs, TrainingBatches
from .targets import TARGETS


class RandomVectors:
    """See `Source`."""

    def __init__(self, task: Task) -> None:
        """Draw pairs for `task`."""
        self._task = task

    def draw_vectors(self, vectors: Tensor, generator: torch.Generator) -> None:
        """Fill (2 D, B) with pairs a, b before `scale`; what a kind of its own draws otherwise."""
        INPUTS[self._task.inputs](vectors, generator)

    def training(
        self, *, batch_size: int, device: torch.device, dtype: torch.dtype
    ) -> TrainingBatches:
        """See `Source`."""
        return TrainingStream(
            self._task, self.draw_vectors, batch_size=batch_size, device=device, dtype=dtype
        )

    def evaluation(
        self,
        seeds: Sequence[int],
        *,
        data_seeds: Sequence[int],
        device: torch.device,
        dtype: torch.dtype,
    ) -> EvaluationPairs:
        """See `Source`."""
        return HeldOutPairs(self._task, self.draw_vectors, seeds, device=device, dtype=dtype)

    def noisy(
        self,
        data_seeds: Sequence[int],
        evaluation_seeds: Sequence[int],
        *,
        device: torch.device,
        dtype: torch.dtype,
    ) -> Mapping[str, NoisyPairs]:
        """None; see `Source`."""
        return {}


DrawVectors = Callable[[Tensor, torch.Generator], None]
"""What fills (2 D, B) with pairs of vectors."""


class Filling:
    """Draws pairs into batches, whose views are made once."""

    def __init__(
        self, task: Task, draw_vectors: DrawVectors, batches: Batches, label_noise_std: float
    ) -> None:
        self._scale, self._noise_std = task.scale, label_noise_std
        self._draw, self._label = draw_vectors, TARGETS[task.target]
        self._dimension = task.dimension
        self._batches = batches
        self._vectors = [
            [inputs[: 2 * task.dimension] for inputs in batch] for batch in batches.inputs
        ]
        self._noise = torch.empty_like(batches.labels) if label_noise_std > 0.0 else None

    @property
    def noise(self) -> Tensor:
        """What the labels hold of noise (N, S, B), as last drawn."""
        if self._noise is None:
            return torch.zeros_like(self._batches.labels)
        return self._noise * self._noise_std

    def fill(self, generators: Sequence[torch.Generator], number: int) -> None:
        """Draw the next pairs of every stream into the first `number` batches."""
        for index, streams in enumerate(self._vectors[:number]):
            for stream, (generator, vectors) in enumerate(zip(generators, streams, strict=True)):
                self._draw(vectors, generator)
                if self._noise is not None:
                    self._noise[index, stream].normal_(generator=generator)
        dimension = self._dimension
        inputs, labels = self._batches.inputs[:number], self._batches.labels[:number]
        if self._scale != 1.0:
            inputs[:, :, : 2 * dimension].mul_(self._scale)
        a, b = inputs[:, :, :dimension], inputs[:, :, dimension : 2 * dimension]
        products = inputs[:, :, 2 * dimension + 1 :]
        torch.mul(a, b, out=products)
        self._label(a, b, products, labels)
        if self._noise is not None:
            labels.add_(self._noise[:number], alpha=self._noise_std)


class TrainingStream(TrainingBatches):
    """See `TrainingBatches`: fresh pairs at every step."""

    def __init__(
        self,
        task: Task,
        draw_vectors: DrawVectors,
        *,
        batch_size: int,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        """A stream of no seeds yet; `arrange` says which."""
        self._task, self._draw_vectors = task, draw_vectors
        self._batch_size = batch_size
        self._device, self._dtype = device, dtype
        self._generators: dict[int, torch.Generator] = {}
        self._make_memory()

    @property
    def generators(self) -> list[torch.Generator]:
        """See `TrainingBatches`."""
        return list(self._generators.values())

    def arrange(self, seeds: Sequence[int]) -> None:
        """See `TrainingBatches`."""
        self._generators = {
            seed: self._generators.get(seed) or torch.Generator(self._device).manual_seed(seed)
            for seed in seeds
        }
        if len(self._generators) != self.block.labels.shape[1]:
            self._make_memory()

    def state(self) -> list[Tensor]:
        """See `TrainingBatches`."""
        return [generator.get_state() for generator in self.generators]

    def restore(self, state: Sequence[Tensor]) -> None:
        """See `TrainingBatches`."""
        for generator, its_state in zip(self.generators, state, strict=True):
            generator.set_state(its_state)

    def _make_memory(self) -> None:
        self.block = Batches.empty(
            BLOCK_STEPS,
            len(self._generators),
            dimension=self._task.dimension,
            size=self._batch_size,
            device=self._device,
            dtype=self._dtype,
        )
        """See `TrainingBatches`."""
        self._filling = Filling(
            self._task, self._draw_vectors, self.block, self._task.label_noise_std
        )

    def prepare(self, steps: int) -> None:
        """Nothing: the device draws; see `TrainingBatches`."""

    def draw(self, steps: int) -> None:
        """See `TrainingBatches`."""
        self._filling.fill(self.generators, steps)


class HeldOutPairs:
    """See `EvaluationPairs`: the same pairs whenever they are asked for."""

    def __init__(
        self,
        task: Task,
        draw_vectors: DrawVectors,
        seeds: Sequence[int],
        *,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        """Make the memory of the chunks; `seeds` has one entry a stream."""
        self._task, self._draw_vectors = task, draw_vectors
        self._seeds, self._device = seeds, device
        self.batches = Batches.empty(
            EVALUATION_CHUNKS,
            len(seeds),
            dimension=task.dimension,
            size=EVALUATION_CHUNK,
            device=device,
            dtype=dtype,
        )
        """See `EvaluationPairs`."""

    def parts(self, pairs: int) -> Iterator[Batches]:
        """See `EvaluationPairs`."""
        generators = [torch.Generator(self._device).manual_seed(seed) for seed in self._seeds]
        filling = Filling(self._task, self._draw_vectors, self.batches, 0.0)
        for _ in range(pairs // (EVALUATION_CHUNK * EVALUATION_CHUNKS)):
            filling.fill(generators, EVALUATION_CHUNKS)
            yield self.batches
