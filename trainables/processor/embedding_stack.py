"""A stack of models on embeddings, for processors: one member after the other, as `CompiledStack`.

A step reads a few rows of a member's table. With Adam the others are brought up to date when they
are read next, or for an evaluation, which sees a copy: so no number depends on when a member is
evaluated.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from ..schedules import SCHEDULES, average_weight
from ..sources.batches import ROW_BLOCK_STEPS, Batches
from ..stack import Evaluator
from ..trainee import Trainee
from .compiled_member import Operation, Workspace
from .embedding_member import EmbeddingMember, EmbeddingSpace, RowPairs
from .kernels import (
    ACTIVATIONS_WITH_DERIVATIVE,
    LANES,
    PANEL,
    SCHEDULE_NUMBERS,
    Program,
    schedule_row,
)
from .lazy_rows import RowSchedule
from .team import Team


class _Course(NamedTuple):
    """What settles the numbers that change from step to step."""

    optimizer: str
    schedule: str
    betas: tuple[float, float]


def _course(compiled: EmbeddingMember) -> _Course:
    member = compiled.member
    return _Course(member.optimizer, member.schedule, compiled.moments.betas)


class EmbeddingStack:
    """K members of any kinds, on the processor."""

    def __init__(
        self,
        trainees: Sequence[Trainee],
        *,
        steps_done: int,
        steps: int,
        dtype: torch.dtype,
        threads: int,
        origin: float = 0.0,
    ) -> None:
        """Load `trainees`, which have done `steps_done` of so many steps.

        `origin` is what labels are counted from (`label_origin`).
        """
        self._trainees = list(trainees)
        self.members = [trainee.member for trainee in trainees]
        self.device, self.dtype = torch.device("cpu"), dtype
        self._done = torch.tensor([steps_done])
        self._origin = origin
        self._compiled = [self._load(trainee) for trainee in trainees]
        self._sums = torch.zeros(len(trainees), 2, dtype=torch.float64)
        self._schedules = {
            _course(compiled): torch.zeros(ROW_BLOCK_STEPS, SCHEDULE_NUMBERS, dtype=torch.float64)
            for compiled in self._compiled
        }
        self._missed = {
            (name, betas): RowSchedule(betas=betas, steps=steps, dtype=dtype)
            for name, betas in {_course(each)[1:] for each in self._compiled if each.rows}
        }
        self._know(steps_done, steps)
        self._team = Team([each.table[0].numel() for each in self._compiled], threads)
        self._averaging = False
        self._copies: list[tuple[Tensor, Tensor]] = []
        self._spaces: list[EmbeddingSpace] = []
        self._programs: list[list[Program]] = []

    def _load(self, trainee: Trainee) -> EmbeddingMember:
        table, *layers = trainee.pieces
        flat = torch.cat([piece.flatten(1) for piece in layers], dim=1) if layers else None
        updated = trainee.updated
        return EmbeddingMember(
            member=trainee.member,
            table=_padded(table),
            layers=None if flat is None else _padded(flat),
            updated=torch.zeros(table.shape[1], dtype=torch.int64)
            if updated is None
            else updated.clone(),
            done=self._done,
            origin=self._origin,
        )

    def _space(self, pairs: int) -> EmbeddingSpace:
        mlps = [each.mlp for each in self._compiled if each.mlp is not None]
        hidden = [mlp.mlp for mlp in mlps if mlp.mlp.depth]
        layers = Workspace(
            width=max((mlp.width for mlp in hidden), default=0),
            depth=max((mlp.depth for mlp in hidden), default=0),
            size=max((_up(mlp.size) for mlp in mlps), default=0),
            derivatives=any(
                mlp.activation in ACTIVATIONS_WITH_DERIVATIVE or mlp.dropout > 0 for mlp in hidden
            ),
            dtype=self.dtype,
        )
        return EmbeddingSpace(self._compiled, pairs=pairs, layers=layers)

    def numbers(self) -> list[Tensor]:
        """See `Stack`."""
        states = [
            each
            for compiled in self._compiled
            for each in (compiled.table, compiled.layers, compiled.updated)
            if each is not None
        ]
        return [*states, self._sums]

    def unload(self) -> list[Trainee]:
        """See `Stack`."""
        return [
            Trainee(trainee.member, _pieces(compiled, trainee), compiled.updated.clone())
            for trainee, compiled in zip(self._trainees, self._compiled, strict=True)
        ]

    def bind(self, block: Batches, *, averaging: bool) -> None:
        """See `Stack`."""
        self._averaging = averaging
        streams, self._copies = _streams(block)

        def operations(index: int, space: EmbeddingSpace) -> list[Operation]:
            compiled = self._compiled[index]
            course = _course(compiled)
            return compiled.step(
                streams[index if len(streams) > 1 else 0],
                space,
                self._sums[index],
                schedule=self._schedules[course],
                missed=self._missed.get(course[1:]),
                averaging=averaging,
            )

        self._spaces, self._programs = self._share(streams[0].size, operations)

    def _share(
        self, pairs: int, operations: Callable[[int, EmbeddingSpace], list[Operation]]
    ) -> tuple[list[EmbeddingSpace], list[list[Program]]]:
        """Each thread's workspace, and its programs in it."""
        spaces = [self._space(pairs) for _ in self._team.shares]
        programs = [
            [Program(self._compiled[index].kernels, operations(index, space)) for index in share]
            for share, space in zip(self._team.shares, spaces, strict=True)
        ]
        return spaces, programs

    def schedule(self, first_step: int, steps: int) -> None:
        """See `Stack`."""
        last = min(first_step + ROW_BLOCK_STEPS, steps)
        self._done.fill_(first_step)
        factors = self._factors(first_step, last, steps)
        for course, table in self._schedules.items():
            rows = [
                schedule_row(course.optimizer, first_step + index, *each, course.betas)
                for index, each in enumerate(factors[course.schedule])
            ]
            table[: len(rows)] = torch.tensor(rows, dtype=torch.float64)
        self._know(last, steps)

    def _know(self, last: int, steps: int) -> None:
        """Put what rows may miss of the steps before `last` into the tables of all steps."""
        known = {missed.known for missed in self._missed.values()}
        if not known or last <= min(known):
            return
        (first,) = known  # all are made at once, and go on together
        factors = self._factors(first, last, steps)
        for (name, _), missed in self._missed.items():
            missed.extend(factors[name])

    def _factors(self, first: int, last: int, steps: int) -> dict[str, list[tuple[float, float]]]:
        """Of each course the steps' factors on the learning rate, and the average's new shares."""
        shares = [average_weight(step) for step in range(first, last)]
        return {
            name: [(SCHEDULES[name](first + i, steps), share) for i, share in enumerate(shares)]
            for name in {member.schedule for member in self.members}
        }

    def train(self, steps: int) -> None:
        """See `Stack`."""
        if not self._programs:
            raise RuntimeError("bind a stack to its batches before it trains")
        _copy(self._copies)
        self._team.run(self._programs, steps, flush_denormal=True)
        self._done.add_(steps)

    def take_squared_error(self) -> Tensor:
        """See `Stack`."""
        total = self._sums[:, 0].clone()
        self._sums.zero_()
        return total

    def evaluator(self, batches: Batches, *, averaged: bool) -> Evaluator:
        """See `Stack`."""
        return self._comparing(batches, averaged=averaged)

    def predictor(self, *, streams: int, size: int) -> Callable[[Tensor], Tensor]:
        """See `PredictingStack`: the errors where every label is 0."""
        batch = Batches(
            torch.zeros(1, streams, 2, size, dtype=torch.int64),
            torch.zeros(1, streams, size, dtype=self.dtype),
        )
        errors = torch.zeros(len(self.members), -(-size // PANEL) * PANEL, dtype=self.dtype)
        evaluator = self._comparing(batch, averaged=False, errors=errors)

        def predict(inputs: Tensor) -> Tensor:
            found = torch.empty(len(self.members), len(inputs), size, dtype=self.dtype)
            for step, pairs in enumerate(inputs):
                batch.inputs.copy_(pairs)
                evaluator.add()
                found[:, step] = errors[:, :size]
            return found.flatten(1)

        return predict

    def _comparing(
        self, batches: Batches, *, averaged: bool, errors: Tensor | None = None
    ) -> Evaluator:
        """An evaluator that leaves each member's errors on the last batch in `errors`, if given."""
        streams, copies = _streams(batches)
        sums = torch.zeros(len(self.members), 2, dtype=torch.float64)
        state = -1 if averaged else 0
        tables = [
            compiled.current(
                state, self._missed.get(_course(compiled)[1:]), averaging=self._averaging
            )
            for compiled in self._compiled
        ]

        def operations(index: int, space: EmbeddingSpace) -> list[Operation]:
            stream = streams[index if len(streams) > 1 else 0]
            left = None if errors is None else errors[index]
            return self._compiled[index].compare(
                tables[index], state, stream, space, sums[index], errors=left
            )

        spaces, programs = self._share(streams[0].size, operations)
        return _EmbeddingEvaluator(
            sums=sums.T,
            steps=len(batches.labels),
            copies=copies,
            team=self._team,
            programs=programs,
            memory=(tables, spaces),
        )


@dataclass(kw_only=True)
class _EmbeddingEvaluator:
    sums: Tensor
    steps: int
    copies: list[tuple[Tensor, Tensor]]
    team: Team
    programs: list[list[Program]]
    memory: tuple[list[Tensor], list[EmbeddingSpace]]
    """What the programs read and write: kept, as they know no more of it than where it lies."""

    def add(self) -> None:
        """See `Evaluator`."""
        _copy(self.copies)
        self.team.run(self.programs, self.steps, flush_denormal=False)


def _streams(batches: Batches) -> tuple[list[RowPairs], list[tuple[Tensor, Tensor]]]:
    """The pairs of each stream, and which labels are to be copied before they are read."""
    steps, count, _, size = batches.inputs.shape
    labels = torch.zeros(count, steps, -(-size // PANEL) * PANEL, dtype=batches.labels.dtype)
    streams = [
        RowPairs(indices=batches.inputs[:, stream], labels=labels[stream])
        for stream in range(count)
    ]
    return streams, [(labels[:, :, :size], batches.labels.transpose(0, 1))]


def _copy(copies: Sequence[tuple[Tensor, Tensor]]) -> None:
    for target, source in copies:
        target.copy_(source)


def _pieces(compiled: EmbeddingMember, trainee: Trainee) -> tuple[Tensor, ...]:
    """The blocks of a trainee, as they were when it was loaded."""
    table, *layers = trainee.pieces
    pieces = [compiled.table[:, :, : table.shape[2]].clone()]
    if compiled.layers is not None:
        sizes = [piece[0].numel() for piece in layers]
        parts = compiled.layers[:, : sum(sizes)].split(sizes, dim=1)
        pieces += [
            part.reshape(piece.shape).clone() for part, piece in zip(parts, layers, strict=True)
        ]
    return tuple(pieces)


def _padded(states: Tensor) -> Tensor:
    """With zeros up to a whole number of vectors."""
    return torch.nn.functional.pad(states, (0, -states.shape[-1] % LANES)).contiguous()


def _up(number: int) -> int:
    return -(-number // LANES) * LANES
