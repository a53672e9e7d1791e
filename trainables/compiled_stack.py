"""A stack for processors: one member after the other, each step as compiled kernels.

A member's weights, gradients and activations fit into a core's cache, so every member takes all the
steps of a block before the next one does. Nothing is padded to the width of another member, and no
number of a member depends on who shares its stack. Threads divide the members.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from .compiled_member import CompiledMember, Workspace
from .data import BLOCK_STEPS, Batches
from .kernels import (
    ACTIVATIONS_WITH_DERIVATIVE,
    LANES,
    PANEL,
    SCHEDULE_NUMBERS,
    Program,
    kernels_for,
    schedule_row,
)
from .panels import PanelCopy
from .schedules import SCHEDULES
from .stack import Evaluator
from .team import Team
from .trainee import Trainee

NUMBERS = {torch.float32: "float32", torch.float64: "float64"}


class CompiledStack:
    """K members of any kinds, on the processor."""

    def __init__(
        self,
        trainees: Sequence[Trainee],
        *,
        dimension: int,
        batch_size: int,
        dtype: torch.dtype,
        threads: int,
    ) -> None:
        """Load `trainees`."""
        self._trainees = list(trainees)
        self.members = [trainee.member for trainee in trainees]
        self._batch_size, self._dtype = batch_size, dtype
        number = NUMBERS[dtype]
        self._compiled = [
            CompiledMember(
                member=member,
                dimension=dimension,
                kernels=kernels_for(member.activation, number),
            )
            for member in self.members
        ]
        # weights, first moment, second moment, running average: the axis of Trainee.pieces
        self._states = [
            _padded(torch.cat([piece.flatten(1) for piece in trainee.pieces], dim=1))
            for trainee in trainees
        ]
        self._sums = torch.zeros(len(trainees), 2, dtype=torch.float64)
        self._schedules = {
            member.schedule: torch.zeros(BLOCK_STEPS, SCHEDULE_NUMBERS, dtype=torch.float64)
            for member in self.members
        }
        self._team = Team([compiled.size for compiled in self._compiled], threads)
        self._space = [self._workspace() for _ in self._team.shares]
        self._panels: PanelCopy | None = None
        self._programs: list[list[Program]] = []

    def _workspace(self) -> Workspace:
        hidden = [member for member in self.members if member.depth]
        return Workspace(
            panels=-(-self._batch_size // PANEL),
            width=max((member.width for member in hidden), default=0),
            depth=max((member.depth for member in hidden), default=0),
            size=max(states.shape[1] for states in self._states),
            derivatives=any(m.activation in ACTIVATIONS_WITH_DERIVATIVE for m in hidden),
            dtype=self._dtype,
        )

    def unload(self) -> list[Trainee]:
        """See `Stack`."""
        trainees = []
        for trainee, states in zip(self._trainees, self._states, strict=True):
            sizes = [piece[0].numel() for piece in trainee.pieces]
            parts = states[:, : sum(sizes)].split(sizes, dim=1)
            pieces = tuple(
                part.reshape(piece.shape).clone()
                for part, piece in zip(parts, trainee.pieces, strict=True)
            )
            trainees.append(Trainee(trainee.member, pieces))
        return trainees

    def bind(self, block: Batches, *, averaging: bool) -> None:
        """See `Stack`."""
        self._panels = panels = PanelCopy(block, pairs=self._batch_size)

        def program(index: int, space: Workspace) -> Program:
            compiled, states = self._compiled[index], self._states[index]
            mine = panels.of_stream(index)
            schedule = self._schedules[compiled.member.schedule]
            return Program(
                compiled.kernels,
                [
                    *compiled.forward(states[0], mine, space, self._sums[index]),
                    *compiled.backward(states[0], mine, space),
                    compiled.adam(states, space, schedule, averaging=averaging),
                ],
            )

        self._programs = self._share(program)

    def _share(self, make: Callable[[int, Workspace], Program]) -> list[list[Program]]:
        """Each thread's programs, in its own workspace."""
        shares = zip(self._team.shares, self._space, strict=True)
        return [[make(index, space) for index in share] for share, space in shares]

    def schedule(self, first_step: int, steps: int) -> None:
        """See `Stack`."""
        block = range(first_step, min(first_step + BLOCK_STEPS, steps))
        for name, table in self._schedules.items():
            factor_at = SCHEDULES[name]
            rows = [schedule_row(step, factor_at(step, steps)) for step in block]
            table[: len(rows)] = torch.tensor(rows, dtype=torch.float64)

    def train(self, steps: int) -> None:
        """See `Stack`."""
        if self._panels is None:
            raise RuntimeError("bind a stack to its batches before it trains")
        self._panels.copy()
        self._team.run(self._programs, steps, flush_denormal=True)

    def take_squared_error(self) -> Tensor:
        """See `Stack`."""
        total = self._sums[:, 0].clone()
        self._sums.zero_()
        return total

    def evaluator(self, batches: Batches, *, averaged: bool) -> Evaluator:
        """See `Stack`."""
        panels = batches.labels.shape[-1] // PANEL
        # As many pairs at once as the workspace has room for.
        while panels * PANEL > self._space[0].errors.numel():
            panels //= 2
        copy = PanelCopy(batches, pairs=panels * PANEL)
        sums = torch.zeros(len(self.members), 2, dtype=torch.float64)

        def program(index: int, space: Workspace) -> Program:
            compiled = self._compiled[index]
            weights = self._states[index][3 if averaged else 0]
            mine = copy.of_stream(index)
            return Program(compiled.kernels, compiled.forward(weights, mine, space, sums[index]))

        return _CompiledEvaluator(self._team, self._share(program), copy, sums)


class _CompiledEvaluator:
    def __init__(
        self, team: Team, programs: list[list[Program]], panels: PanelCopy, sums: Tensor
    ) -> None:
        self._team, self._programs, self._panels = team, programs, panels
        self.sums = sums.T

    def add(self) -> None:
        self._panels.copy()
        self._team.run(self._programs, self._panels.steps, flush_denormal=False)


def _padded(states: Tensor) -> Tensor:
    """With zeros up to a whole number of vectors."""
    return torch.nn.functional.pad(states, (0, -states.shape[1] % LANES)).contiguous()
