"""Threads that divide the members of a stack."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import torch

from .kernels import Program


class Team:
    """Who computes which members. Kernels run outside Python's lock, so threads run at once."""

    def __init__(self, sizes: Sequence[int], threads: int) -> None:
        """Members of `sizes`, in numbers, for at most `threads` threads."""
        count = max(1, min(threads, len(sizes)))
        self.shares: list[list[int]] = [[] for _ in range(count)]
        """The members of every thread, by their index."""
        loads = [0] * count
        for index in sorted(range(len(sizes)), key=lambda index: -sizes[index]):
            least = loads.index(min(loads))
            self.shares[least].append(index)
            loads[least] += sizes[index]
        self._pool = ThreadPoolExecutor(count - 1) if count > 1 else None

    def run(
        self, programs: Sequence[Sequence[Program]], steps: int, *, flush_denormal: bool
    ) -> None:
        """Run each share's programs for so many steps; all have ended when it returns."""
        own, *others = programs
        waiting = []
        if self._pool is not None:
            waiting = [self._pool.submit(_run, share, steps, flush_denormal) for share in others]
        _run(own, steps, flush_denormal)
        for each in waiting:
            each.result()


def _run(programs: Sequence[Program], steps: int, flush_denormal: bool) -> None:
    torch.set_flush_denormal(flush_denormal)  # of this thread alone
    try:
        for program in programs:
            program.run(steps)
    finally:
        torch.set_flush_denormal(False)
