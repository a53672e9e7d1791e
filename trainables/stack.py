"""What training asks of a stack, whichever way its members are computed."""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from .pack import Member
from .sources.batches import Batches
from .trainee import Trainee


class Evaluator(Protocol):
    """Compares the members' predictions with the labels of batches in a fixed place."""

    sums: Tensor
    """(2, K), float64: of the squared errors so far, and of their squares."""

    def add(self) -> None:
        """Take in what the batches hold now."""


class Stack(Protocol):
    """Members of a pack in training together.

    A stack is made from trainees and told where its batches lie. Then, for every block of steps:
    `schedule`, someone fills the batches, `train`. `unload` gives the members back, trained.
    """

    device: torch.device
    dtype: torch.dtype
    members: list[Member]
    """In the stack's own order, which that of its streams follows where each has its own."""

    def bind(self, block: Batches, *, averaging: bool) -> None:
        """From now on train on the batches of `block`, whose memory is filled again and again.

        With `averaging` every step takes the new weights into their running average.
        """

    def schedule(self, first_step: int, steps: int) -> None:
        """Set the learning rates and averages of the block that begins with `first_step`."""

    def train(self, steps: int) -> None:
        """A step of every member's optimiser on each of the first `steps` batches.

        What falls is the mean squared error of the batch.
        """

    def take_squared_error(self) -> Tensor:
        """The squared training error (K,), float64, summed over all pairs since the last call."""

    def evaluator(self, batches: Batches, *, averaged: bool) -> Evaluator:
        """An evaluator of the weights, or of their running average if `averaged`."""

    def numbers(self) -> list[Tensor]:
        """All that steps change and that later steps depend on, in place: the memory itself.

        Between two blocks; a stack of the same members with these numbers goes on to the same bits.
        """

    def unload(self) -> list[Trainee]:
        """The members with their state now, in the stack's order."""


@runtime_checkable
class PredictingStack(Stack, Protocol):
    """A stack whose predictions can be had one by one, not only compared with labels."""

    def predictor(self, *, streams: int, size: int) -> Callable[[Tensor], Tensor]:
        """What predicts with the weights as they are now.

        Of the pairs (N, S, 2, B) of N batches, one after the other: (K, N * B), where S and B are
        the `streams` and `size` that were asked for.
        """
