"""A fixed sample: training pairs drawn once, which every epoch goes through again.

The sample of a seed is one draw of (2 D, N) for the vectors and, only where the labels are noisy,
one `randn(N)` for the noise, as a batch of N pairs of the stream would be.
"""

import torch
from torch import Tensor

from ..pack import Task
from .batches import Batches
from .epochs import EpochBatches, EpochOrder
from .random_vectors import DrawVectors, Filling, RandomVectors


class FixedSample(RandomVectors):
    """See `Source`: evaluated on fresh pairs, which no sample holds."""

    def training(
        self, *, batch_size: int, device: torch.device, dtype: torch.dtype
    ) -> EpochBatches:
        """See `Source`."""
        task = self._task
        return EpochBatches(
            lambda seed: _Sample(task, self.draw_vectors, seed, device, dtype),
            dimension=task.dimension,
            batch_size=batch_size,
            device=device,
            dtype=dtype,
        )


class _Sample:
    """See `KeptPairs`: one batch of all of them."""

    def __init__(
        self,
        task: Task,
        draw_vectors: DrawVectors,
        seed: int,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        if task.pairs is None or task.shuffle is None:
            raise ValueError(f"a fixed sample has a number of pairs and an order; got {task}")
        pairs = Batches.empty(
            1, 1, dimension=task.dimension, size=task.pairs, device=device, dtype=dtype
        )
        generator = torch.Generator(device).manual_seed(seed)
        Filling(task, draw_vectors, pairs, task.label_noise_std).fill([generator], 1)
        self._inputs, self._labels = pairs.inputs[0, 0], pairs.labels[0, 0]
        self.order = EpochOrder(task.pairs, data_seed=seed, shuffle=task.shuffle)

    def put(self, indices: Tensor, inputs: Tensor, labels: Tensor) -> None:
        """See `KeptPairs`."""
        for of_step, its_inputs, its_labels in zip(indices, inputs, labels, strict=True):
            torch.index_select(self._inputs, 1, of_step, out=its_inputs)
            torch.index_select(self._labels, 0, of_step, out=its_labels)
