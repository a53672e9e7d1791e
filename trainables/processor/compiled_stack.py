"""A stack for processors: one member after the other, each step as compiled kernels.

A member's weights, gradients and activations fit into a core's cache, so every member takes all the
steps of a block before the next one does. Nothing is padded to the width of another member, and no
number of a member depends on who shares its stack. Threads divide the members.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ..families.mlp import Mlp
from ..pack import Member
from ..schedules import SCHEDULES, average_weight
from ..sources.batches import BLOCK_STEPS, Batches
from ..stack import Evaluator
from ..trainee import Trainee
from .compiled_member import CompiledMember, Workspace
from .kernels import (
    ACTIVATIONS_WITH_DERIVATIVE,
    LANES,
    SCHEDULE_NUMBERS,
    Program,
    kernels_for,
    schedule_row,
)
from .panels import PanelCopy
from .team import Team

NUMBERS = {torch.float32: "float32", torch.float64: "float64"}


class CompiledStack:
    """K members of any kinds, on the processor."""

    def __init__(
        self,
        trainees: Sequence[Trainee],
        *,
        dimension: int,
        dtype: torch.dtype,
        threads: int,
    ) -> None:
        """Load `trainees`."""
        self._trainees = list(trainees)
        self.members = [trainee.member for trainee in trainees]
        self.device, self.dtype = torch.device("cpu"), dtype
        number = NUMBERS[dtype]
        self._compiled = [
            CompiledMember(
                member=member,
                dimension=dimension,
                kernels=kernels_for(Mlp.of(member).activation, member.optimizer, number),
            )
            for member in self.members
        ]
        # One row for each of the optimiser's `state_names`: the axis of Trainee.pieces.
        self._states = [
            _padded(torch.cat([piece.flatten(1) for piece in trainee.pieces], dim=1))
            for trainee in trainees
        ]
        self._sums = torch.zeros(len(trainees), 2, dtype=torch.float64)
        self._schedules = {
            _course(member): torch.zeros(BLOCK_STEPS, SCHEDULE_NUMBERS, dtype=torch.float64)
            for member in self.members
        }
        self._team = Team([compiled.size for compiled in self._compiled], threads)
        self._space = [self._workspace() for _ in self._team.shares]
        self._panels: PanelCopy | None = None
        self._programs: list[list[Program]] = []

    def _workspace(self) -> Workspace:
        hidden = [compiled.mlp for compiled in self._compiled if compiled.mlp.depth]
        return Workspace(
            width=max((mlp.width for mlp in hidden), default=0),
            depth=max((mlp.depth for mlp in hidden), default=0),
            size=max(states.shape[1] for states in self._states),
            derivatives=any(mlp.activation in ACTIVATIONS_WITH_DERIVATIVE for mlp in hidden),
            dtype=self.dtype,
        )

    def numbers(self) -> list[Tensor]:
        """See `Stack`."""
        return [*self._states, self._sums]

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
        self._panels = panels = PanelCopy(block)

        def program(index: int, space: Workspace) -> Program:
            compiled, states = self._compiled[index], self._states[index]
            operations = []
            for part in panels.slices(index):
                operations += compiled.forward(states[0], part, space, self._sums[index])
                operations += compiled.backward(states[0], part, space)
            schedule = self._schedules[_course(compiled.member)]
            operations.append(compiled.optimise(states, space, schedule, averaging=averaging))
            return Program(compiled.kernels, operations)

        self._programs = self._share(program)

    def _share(self, make: Callable[[int, Workspace], Program]) -> list[list[Program]]:
        """Each thread's programs, in its own workspace."""
        shares = zip(self._team.shares, self._space, strict=True)
        return [[make(index, space) for index in share] for share, space in shares]

    def schedule(self, first_step: int, steps: int) -> None:
        """See `Stack`."""
        block = range(first_step, min(first_step + BLOCK_STEPS, steps))
        for (optimizer, course), table in self._schedules.items():
            factor_at = SCHEDULES[course]
            rows = [
                schedule_row(optimizer, step, factor_at(step, steps), average_weight(step))
                for step in block
            ]
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
        panels = PanelCopy(batches)
        sums = torch.zeros(len(self.members), 2, dtype=torch.float64)

        def program(index: int, space: Workspace) -> Program:
            compiled = self._compiled[index]
            weights = self._states[index][-1 if averaged else 0]
            operations = []
            for part in panels.slices(index):
                operations += compiled.forward(weights, part, space, sums[index])
            return Program(compiled.kernels, operations)

        return _CompiledEvaluator(self._team, self._share(program), panels, sums)


class _CompiledEvaluator:
    def __init__(
        self, team: Team, programs: list[list[Program]], panels: PanelCopy, sums: Tensor
    ) -> None:
        self._team, self._programs, self._panels = team, programs, panels
        self.sums = sums.T

    def add(self) -> None:
        self._panels.copy()
        self._team.run(self._programs, self._panels.steps, flush_denormal=False)


def _course(member: Member) -> tuple[str, str]:
    """What settles the numbers that change from step to step."""
    return member.optimizer, member.schedule


def _padded(states: Tensor) -> Tensor:
    """With zeros up to a whole number of vectors."""
    return torch.nn.functional.pad(states, (0, -states.shape[1] % LANES)).contiguous()
