"""Packs on a GPU: what fused kernels can train in one stack, the rest in stacks of tensors.

Those are cut into stacks of like members, and split further where memory is short.
"""

import logging
from collections.abc import Callable, Collection, Sequence

import torch

from ..evaluation import evaluate
from ..pack import Member, Pack
from ..sources import source_of
from ..sources.batches import RUNG_PAIRS
from ..stack import Stack
from ..trainee import Trainee
from .cuda_graph import BlockGraph
from .fused_stack import FusedStack, fits, is_available
from .stack_layout import cut
from .tensor_stack import TensorStack

logger = logging.getLogger(__name__)


class TensorEngine:
    """See `Engine`."""

    def __init__(self, pack: Pack, *, device: torch.device, dtype: torch.dtype) -> None:
        """Train `pack` on `device`."""
        self._pack, self._device, self._dtype = pack, device, dtype

    def stacks(self, trainees: Sequence[Trainee], steps_done: int) -> list[Stack]:
        """See `Engine`."""
        fused, others = self._parted(trainees)
        fused_stacks = [self._fused_stack_of(fused)] if fused else []
        return [*fused_stacks, *self._tensor_stacks(others, steps_done)]

    def narrowed(
        self, stacks: list[Stack], members: Collection[Member], steps_done: int
    ) -> list[Stack]:
        """See `Engine`."""
        fused = [stack for stack in stacks if isinstance(stack, FusedStack)]
        others = [
            trainee
            for stack in stacks
            if not isinstance(stack, FusedStack)
            for trainee in stack.unload()
            if trainee.member in members
        ]
        stacks.clear()
        for stack in fused:
            stack.keep(members)
        going = [stack for stack in fused if stack.members]
        return [*going, *self._tensor_stacks(others, steps_done)]

    def block_runner(
        self, block: Callable[[], None], generators: Sequence[torch.Generator]
    ) -> Callable[[], None]:
        """See `Engine`: as one graph, where the device has them."""
        return BlockGraph(block, generators) if self._device.type == "cuda" else block

    def _parted(self, trainees: Sequence[Trainee]) -> tuple[list[Trainee], list[Trainee]]:
        """Those that fused kernels train, and the others."""
        parts: tuple[list[Trainee], list[Trainee]] = ([], [])
        available = is_available(self._device)
        for trainee in trainees:
            fused = available and fits(
                trainee.member,
                dimension=self._pack.task.dimension,
                batch_size=self._pack.batch_size,
                dtype=self._dtype,
            )
            parts[0 if fused else 1].append(trainee)
        return parts

    def _tensor_stacks(self, trainees: Sequence[Trainee], steps_done: int) -> list[Stack]:
        parts = cut(trainees, dimension=self._pack.task.dimension, batch_size=self._pack.batch_size)
        return [stack for part in parts for stack in self._stacks_of(part, steps_done)]

    def _fused_stack_of(self, trainees: Sequence[Trainee]) -> FusedStack:
        return FusedStack(
            trainees,
            dimension=self._pack.task.dimension,
            device=self._device,
            tf32=self._pack.tf32,
        )

    def _stacks_of(self, part: Sequence[Trainee], steps_done: int) -> list[Stack]:
        """One stack of `part`, or several where the device has not the memory for one."""
        try:
            return [self._stack_of(part, steps_done)]
        except RuntimeError as error:
            if len(part) == 1 or not _is_out_of_memory(error):
                raise
        # Outside the except clause: the error's traceback would keep the failed stack alive.
        half = len(part) // 2
        logger.warning("out of memory with %d members in a stack: split in two", len(part))
        return [
            *self._stacks_of(part[:half], steps_done),
            *self._stacks_of(part[half:], steps_done),
        ]

    def _stack_of(self, part: Sequence[Trainee], steps_done: int) -> TensorStack:
        """The stack of `part`, whose memory is known to suffice.

        A failed one dies with the error: nobody else refers to it.
        """
        stack = TensorStack(
            part,
            dimension=self._pack.task.dimension,
            batch_size=self._pack.batch_size,
            steps_done=steps_done,
            device=self._device,
            dtype=self._dtype,
        )
        evaluate(stack, source_of(self._pack.task), RUNG_PAIRS, averaged=True)
        return stack


def _is_out_of_memory(error: RuntimeError) -> bool:
    """Whether torch or a library of the device's maker, for its own needs, lacks memory."""
    return isinstance(error, torch.OutOfMemoryError) or "_ALLOC_FAILED" in str(error)
