"""A pack in training, as tensors: what it takes to go on with it elsewhere, to the same bits."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class PackState:
    """A pack after `step` steps, its report there made if one was due."""

    step: int
    alive: Sequence[int]
    """The places in the pack of the members in training, in the order of the stacks."""
    stacks: Sequence[Sequence[Tensor]]
    """The `numbers` of each stack."""
    batches: Sequence[Tensor]
    """The `state` of the training batches."""
    squared: Sequence[float]
    """The squared training errors of `alive` in this interval, as far as they were taken."""
    pairs: int
    """The pairs of this interval."""
    waited: Sequence[tuple[int, float, int]]
    """Of early stopping: a member's place, its lowest train loss, the epochs since."""

    def to_plain(self) -> dict[str, Any]:
        """The state as what torch loads without running anything (`weights_only`)."""
        return {
            "step": self.step,
            "alive": list(self.alive),
            "stacks": [list(stack) for stack in self.stacks],
            "batches": list(self.batches),
            "squared": list(self.squared),
            "pairs": self.pairs,
            "waited": [list(each) for each in self.waited],
        }

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> "PackState":
        """The state that `to_plain` described."""
        waited = [
            (int(place), float(lowest), int(epochs)) for place, lowest, epochs in plain["waited"]
        ]
        return cls(**{**plain, "waited": waited})


class StateMismatch(ValueError):
    """A pack's state is of stacks that this device doesn't make: they follow its free memory."""


Keep = Callable[[Callable[[], PackState]], None]
"""Is offered the state of a pack in training, many times a second: it is made when called for."""


def keep_nothing(state: Callable[[], PackState]) -> None:
    """A `Keep` of packs that are always trained from the start."""
