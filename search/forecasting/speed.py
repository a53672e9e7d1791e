"""How fast this machine trains: measured in a few seconds, with packs of the search itself."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import perf_counter

import numpy
import torch
from scipy.optimize import nnls

from trainables import Pack
from trainables.sources.batches import RUNG_PAIRS
from trainables.training import train

from .pack_work import FORWARD, Work, flops_per_pair

_MOST_PACKS = 3
"""The one with the least arithmetic, that with the most, and one between."""
_LEAST_SECONDS = 0.3
"""Of a timing; shorter ones say little."""
_FIRST_STEPS = 8


@dataclass(frozen=True, kw_only=True)
class Speed:
    """What a worker needs for a pack: so much for each step of a member, and for its arithmetic."""

    member_step_seconds: float
    flop_seconds: float

    def seconds(self, work: Work) -> float:
        """For a pack's work, however many members it has."""
        return self.member_step_seconds * work.member_steps + self.flop_seconds * work.flops


def measured_speed(packs: Sequence[Pack], *, device: torch.device, threads: int) -> Speed:
    """Train some of the packs for a moment, and fit both numbers.

    The packs are the first of each study. Of each a second is spent at most, beside what its
    kernels take to compile and the least number of steps to do.
    """
    ranked = sorted(packs, key=lambda pack: sum(flops_per_pair(pack)))
    chosen = {round(place * (len(ranked) - 1) / (_MOST_PACKS - 1)) for place in range(_MOST_PACKS)}
    timings = [_timed(ranked[place], device, threads) for place in sorted(chosen)]
    # Each equation is divided by its seconds: the fit is as close in small packs as in large ones.
    rows = [[work.member_steps / seconds, work.flops / seconds] for work, seconds in timings]
    scale = numpy.max(rows, axis=0)
    (member_step, flop), _ = nnls(numpy.array(rows) / scale, numpy.ones(len(rows)))
    return Speed(
        member_step_seconds=float(member_step / scale[0]), flop_seconds=float(flop / scale[1])
    )


def _timed(pack: Pack, device: torch.device, threads: int) -> tuple[Work, float]:
    """Some steps of all members and an evaluation, and their time.

    They lie between two reports of one run: what is drawn and compiled before is not in it.
    """
    eighth = _FIRST_STEPS
    while True:
        short = replace(pack, steps=8 * eighth, halving=None, early_stopping=None)
        reports = train(short, device=device, threads=threads)
        next(reports, None), next(reports, None)  # at an eighth and at a quarter of the steps
        before = perf_counter()
        next(reports, None)  # at half of them
        seconds = perf_counter() - before
        if seconds >= _LEAST_SECONDS or eighth >= pack.steps:
            pairs = 2 * eighth * pack.batch_size + FORWARD * RUNG_PAIRS
            steps = 2 * eighth * len(pack.members)
            return Work(member_steps=steps, flops=pairs * sum(flops_per_pair(pack))), seconds
        eighth = math.ceil(eighth * max(2.0, 1.5 * _LEAST_SECONDS / seconds))
