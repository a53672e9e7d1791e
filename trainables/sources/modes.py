"""The full tensor of two modes: all pairs of their values, as Beutel et al. 2018 train on.

("Latent Cross: Making Use of Context in Recurrent Recommender Systems", WSDM 2018, section 3, on
how well a network with one hidden layer models low-rank relations.) V values of each mode, and for
each value a vector as long as the tensor's rank: the label of a pair is the dot product of its two
vectors. A model learns embeddings of the values, and is judged by what it was trained on: all V^2
pairs, without the noise that their labels may have had.

A tensor is the planted problem (`planted.py`) of as many users as items, all of whose pairs are
rated, and none kept to test on.
"""

from collections.abc import Iterator, Mapping, Sequence

import torch

from .batches import EVALUATION_CHUNK, Batches
from .planted import PlantedRatings, RatedPool
from .source import NoisyPairs


class FullTensor(PlantedRatings):
    """See `Source`: evaluated on all pairs, those of training."""

    def evaluation(
        self,
        seeds: Sequence[int],
        *,
        data_seeds: Sequence[int],
        device: torch.device,
        dtype: torch.dtype,
    ) -> "AllPairs":
        """See `Source`."""
        return AllPairs([self.rated(seed, device, dtype) for seed in data_seeds])

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


class AllPairs:
    """See `EvaluationPairs`: the pairs of each tensor, in the order of their values."""

    def __init__(self, pools: Sequence[RatedPool]) -> None:
        """A pool of all pairs for each stream."""
        self._pools = pools
        values = pools[0].users
        # Some values of the first mode at a time, with all of the second: nothing is left over.
        most = max(1, EVALUATION_CHUNK // values)
        together = max(each for each in range(1, most + 1) if values % each == 0)
        self.batches = pools[0].empty(1, together * values, len(pools))
        """See `EvaluationPairs`."""

    def parts(self, pairs: int) -> Iterator[Batches]:
        """All of them, however many are asked for; see `EvaluationPairs`."""
        inputs, labels = self.batches.inputs, self.batches.labels
        for numbers in torch.arange(self._pools[0].pairs).split(labels.shape[2]):
            for stream, pool in enumerate(self._pools):
                pool.put_numbered(numbers[None], inputs[:, stream], labels[:, stream])
            yield self.batches
