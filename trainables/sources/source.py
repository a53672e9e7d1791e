"""What training and evaluation ask of a source."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import torch
from torch import Tensor

from .batches import Batches

if TYPE_CHECKING:  # it needs Arrow, and no other source does
    from ..ratings import RankedUsers


class TrainingBatches(Protocol):
    """The training batches of one or several seeds, in the order of the steps."""

    block: Batches
    """Some batches; `draw` overwrites them, `arrange` of another number makes new ones."""

    @property
    def generators(self) -> list[torch.Generator]:
        """The generators that `draw` draws from."""

    def arrange(self, seeds: Sequence[int]) -> None:
        """From now on give the batches of `seeds`, in this order, each once.

        New seeds start with their first batch; all must therefore be named before the first step.
        """

    def state(self) -> list[Tensor]:
        """What the batches to come depend on, of each seed as arranged: on the host."""

    def restore(self, state: Sequence[Tensor]) -> None:
        """Go on where batches of the same seeds, in the same arrangement, had this `state`."""

    def fill(self, steps: int) -> None:
        """Put the next `steps` batches, at most those of `block`, into its first ones."""
        self.prepare(steps)
        self.draw(steps)

    def prepare(self, steps: int) -> None:
        """Do what `draw` needs done on the host: it can be recorded as operations of a device."""

    def draw(self, steps: int) -> None:
        """The rest of `fill`: what happens on the device alone, and is the same every time."""


class EvaluationPairs(Protocol):
    """Noise-free pairs of every seed, some chunks at a time."""

    batches: Batches
    """The chunks at hand; the next ones overwrite them."""

    def parts(self, pairs: int) -> Iterator[Batches]:
        """The first `pairs` pairs from the start, as `batches` with chunks after chunks in it.

        Where these are all that there is to learn, all of them, whatever is asked for.
        """


class NoisyPairs(Protocol):
    """A further evaluation set of every seed, its labels as noisy as those of training."""

    def parts(self) -> Iterator[tuple[Batches, Tensor]]:
        """All of its pairs, some batches at a time, with the noise (N, S, B) in their labels."""


class Source(Protocol):
    """Where the pairs of one task come from.

    Numbers depend on a seed and on the kind of device alone: not on what else is drawn, nor on how
    many seeds are asked for together.
    """

    def training(
        self, *, batch_size: int, device: torch.device, dtype: torch.dtype
    ) -> TrainingBatches:
        """The training batches of no seeds yet; `arrange` says which."""

    def evaluation(
        self,
        seeds: Sequence[int],
        *,
        data_seeds: Sequence[int],
        device: torch.device,
        dtype: torch.dtype,
    ) -> EvaluationPairs:
        """The evaluation pairs of `seeds`, one entry a stream.

        `data_seeds` are those of training, for pairs that depend on them: either may have one entry
        for all streams. Where they don't, the streams are those of `seeds`; where nothing depends
        on `seeds`, those of `data_seeds`.
        """

    def noisy(
        self,
        data_seeds: Sequence[int],
        evaluation_seeds: Sequence[int],
        *,
        device: torch.device,
        dtype: torch.dtype,
    ) -> Mapping[str, NoisyPairs]:
        """Further evaluation sets by name, of members with these seeds; none for most sources.

        Of seeds that are all alike one entry, else one for every member.
        """


class TestPairs(EvaluationPairs, Protocol):
    """Pairs that nothing was chosen by."""

    count: int
    """Of all of them."""


@runtime_checkable
class RatedSource(Source, Protocol):
    """A source of a user's own ratings, some of which are held out to test on."""

    def mean(self) -> float:
        """Of the training ratings: the labels are how far ratings are from it."""

    def test(self, *, dtype: torch.dtype) -> Sequence[TestPairs]:
        """The test ratings, in parts of unlike batches."""

    def ranked(self) -> "RankedUsers | None":
        """The users whose items are to be ranked; None where the task doesn't ask for it."""

    def every_pair(self, users: Tensor, items: Tensor, *, size: int) -> Tensor:
        """Each of n users with each of B items, by their rows: (n, 1, 2, size).

        What of `size` is left over holds pairs with the item that nobody knows.
        """
