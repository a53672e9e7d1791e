"""What training asks of an engine, and which engine a device has."""

from collections.abc import Callable, Collection, Sequence
from typing import Protocol

import torch

from .pack import Member, Pack
from .stack import Stack
from .trainee import Trainee


class Engine(Protocol):
    """Trains the members of one pack on one device.

    It knows the computations of the families, activations and optimisers that it has in its tables;
    a test holds its tables to the names that a spec may have.
    """

    def stacks(self, trainees: Sequence[Trainee], steps_done: int) -> list[Stack]:
        """Put `trainees`, with `steps_done` behind them, into stacks: how many is its business."""

    def narrowed(
        self, stacks: list[Stack], members: Collection[Member], steps_done: int
    ) -> list[Stack]:
        """Stacks of those of `stacks` that are `members`, equal to newly made ones.

        The list is emptied: the stacks give up their memory before others take it.
        """

    def block_runner(
        self, block: Callable[[], None], generators: Sequence[torch.Generator]
    ) -> Callable[[], None]:
        """What runs `block`, a whole block of steps of all stacks as they are now, drawing from
        `generators`, again and again."""


def engine_for(pack: Pack, *, device: torch.device, dtype: torch.dtype, threads: int) -> Engine:
    """The engine that trains `pack` on `device`: compiled kernels on processors, else tensors.

    `threads` divide the members on a processor. What the other kind of device needs isn't imported.
    """
    if device.type == "cpu":
        from .processor.compiled_engine import CompiledEngine

        return CompiledEngine(pack, dtype=dtype, threads=threads)
    from .gpu.tensor_engine import TensorEngine

    return TensorEngine(pack, device=device, dtype=dtype)
