"""Packs on a processor: one stack of all members, whose threads divide them."""

from collections.abc import Callable, Collection, Sequence

import torch

from spaces.vocabulary import EMBEDDED_DATA

from ..pack import Member, Pack
from ..sources import label_origin
from ..stack import Stack
from ..trainee import Trainee
from .compiled_stack import CompiledStack
from .embedding_stack import EmbeddingStack


class CompiledEngine:
    """See `Engine`."""

    def __init__(self, pack: Pack, *, dtype: torch.dtype, threads: int) -> None:
        """Train `pack` with so many threads at most; they change no number."""
        self._pack, self._dtype, self._threads = pack, dtype, threads

    def stacks(self, trainees: Sequence[Trainee], steps_done: int) -> list[Stack]:
        """See `Engine`."""
        if not trainees:
            return []
        if self._pack.task.data in EMBEDDED_DATA:
            return [
                EmbeddingStack(
                    trainees,
                    steps_done=steps_done,
                    steps=self._pack.steps,
                    dtype=self._dtype,
                    threads=self._threads,
                    origin=label_origin(self._pack.task),
                )
            ]
        return [
            CompiledStack(
                trainees,
                dimension=self._pack.task.dimension,
                dtype=self._dtype,
                threads=self._threads,
            )
        ]

    def narrowed(
        self, stacks: list[Stack], members: Collection[Member], steps_done: int
    ) -> list[Stack]:
        """See `Engine`."""
        trainees = [trainee for stack in stacks for trainee in stack.unload()]
        stacks.clear()
        return self.stacks([each for each in trainees if each.member in members], steps_done)

    def block_runner(
        self, block: Callable[[], None], generators: Sequence[torch.Generator]
    ) -> Callable[[], None]:
        """See `Engine`."""
        return block
