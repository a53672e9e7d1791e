"""A stack for GPUs whose members are trained by fused kernels, one thread block a member.

A block of threads takes all of a member's steps on a block of batches: forward and backward pass,
optimiser and running average in one launch. Nothing is padded to the width of another member, and
no number of a member depends on who shares its stack.
"""

import os
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from shutil import which
from typing import Any

import torch
from torch import Tensor

from ..families.mlp import Mlp
from ..optimisers import OPTIMISERS, optimiser_settings, state_names
from ..optimisers.adam import BETA_1, BETA_2
from ..pack import Member
from ..schedules import SCHEDULES, average_weight
from ..sources.batches import BLOCK_STEPS, Batches
from ..stack import Evaluator
from ..trainee import Trainee
from .fused_launches import EVALUATION, LAUNCHES, Launch
from .fused_source import SMALLEST, FusedShape, padded

COURSE_NUMBERS = 4
"""What changes from step to step: the average's share, the rate's factor, Adam's corrections."""


def is_available(device: torch.device) -> bool:
    """Whether `device` runs fused kernels.

    They need Triton, which needs a C compiler, and the shared memory and tensor cores of an H100 or
    H200: they have been tried nowhere else.
    """
    return (
        device.type == "cuda"
        and torch.version.hip is None
        and torch.cuda.get_device_capability(device) == (9, 0)
        and find_spec("triton") is not None
        and any(which(compiler) for compiler in ("cc", "gcc", "clang"))
    )


def fits(member: Member, *, dimension: int, batch_size: int, dtype: torch.dtype) -> bool:
    """Whether there are fused kernels for a member.

    Of batches that are no multiple of SMALLEST the rows begin anywhere, and no slice divides them.
    """
    shape = _shape_of(Mlp.of(member), dimension)
    launch = LAUNCHES.get((shape.width, shape.depth))
    return (
        dtype == torch.float32
        and batch_size % SMALLEST == 0
        and launch is not None
        and shape.inputs <= launch.most_inputs
    )


def _shape_of(mlp: Mlp, dimension: int) -> FusedShape:
    inputs = padded(mlp.input_size(dimension))
    return FusedShape(
        depth=mlp.depth,
        width=padded(mlp.width) if mlp.depth else inputs,
        inputs=inputs,
        activation=mlp.activation,
    )


class FusedStack:
    """K members of any shapes that `fits` admits."""

    def __init__(
        self,
        trainees: Sequence[Trainee],
        *,
        dimension: int,
        device: torch.device,
        tf32: bool,
    ) -> None:
        """Load `trainees`; with `tf32` products in training may round their factors to TF32."""
        self.device, self.dtype = device, torch.float32

        def kind(trainee: Trainee) -> tuple[int, str]:
            # The slowest kernels first: the others fill the gaps that they leave.
            member, mlp = trainee.member, Mlp.of(trainee.member)
            shape = _shape_of(mlp, dimension)
            work = mlp.depth * shape.width**2
            return -work, f"{shape} {mlp.multiplication} {member.optimizer}"

        by_kind: dict[tuple[int, str], list[Trainee]] = {}
        for trainee in trainees:
            by_kind.setdefault(kind(trainee), []).append(trainee)
        self._courses = sorted({_course(trainee.member) for trainee in trainees})
        self._course: Tensor | None = None
        self._steps = 0
        self._rates = torch.zeros(len(self._courses), BLOCK_STEPS, COURSE_NUMBERS, device=device)
        self._groups = [
            _Group(
                by_kind[each],
                dimension=dimension,
                device=device,
                tf32=tf32,
                courses=[self._courses.index(_course(other.member)) for other in by_kind[each]],
            )
            for each in sorted(by_kind)
        ]
        self._order()

    def _order(self) -> None:
        """Count the members as they lie in the groups; to be bound to batches again."""
        self.members: list[Member] = []
        for group in self._groups:
            group.first = len(self.members)
            self.members += group.members
        self._calls: list[dict[int, _Call]] = []
        """What a number of steps is, of each group."""

    def keep(self, members: Collection[Member]) -> None:
        """Let all go that are none of `members`, on the device."""
        for group in self._groups:
            group.keep(members)
        self._groups = [group for group in self._groups if group.members]
        self._order()

    def numbers(self) -> list[Tensor]:
        """See `Stack`."""
        return [numbers for group in self._groups for numbers in (group.states, group.sums)]

    def unload(self) -> list[Trainee]:
        """See `Stack`."""
        return [trainee for group in self._groups for trainee in group.unload()]

    def bind(self, block: Batches, *, averaging: bool) -> None:
        """See `Stack`."""
        for group in self._groups:
            group.bind(block)
        # A whole block and a part of one are the same kernel, compiled once.
        self._calls = [
            {
                steps: group.train(block, self._rates, steps, averaging=averaging)
                for steps in range(1, BLOCK_STEPS + 1)
            }
            for group in self._groups
        ]
        _compile([calls[BLOCK_STEPS] for calls in self._calls], self.device)

    def schedule(self, first_step: int, steps: int) -> None:
        """See `Stack`."""
        if self._course is None or self._steps != steps:
            # All of it at once: what comes from the host makes the device wait.
            courses = [course_of(*course, steps) for course in self._courses]
            self._course, self._steps = torch.stack(courses).to(self.device), steps
        block = self._course[:, first_step : first_step + BLOCK_STEPS]
        self._rates[:, : block.shape[1]].copy_(block)

    def train(self, steps: int) -> None:
        """See `Stack`."""
        if not self._calls:
            raise RuntimeError("bind a stack to its batches before it trains")
        _run([calls[steps] for calls in self._calls], self.device)

    def take_squared_error(self) -> Tensor:
        """See `Stack`."""
        total = torch.cat([group.sums for group in self._groups])
        for group in self._groups:
            group.sums.zero_()
        return total

    def evaluator(self, batches: Batches, *, averaged: bool) -> Evaluator:
        """See `Stack`."""
        return _FusedEvaluator(self._groups, batches, averaged=averaged)


class _FusedEvaluator:
    def __init__(self, groups: Sequence["_Group"], batches: Batches, *, averaged: bool) -> None:
        self._device = batches.labels.device
        members = sum(len(group.members) for group in groups)
        sums = torch.zeros(members, 2, device=self._device, dtype=torch.float64)
        self.sums = sums.T
        self._calls = [
            group.evaluate(
                batches,
                group.places(batches),
                sums[group.first : group.first + len(group.members)],
                averaged=averaged,
            )
            for group in groups
        ]
        _compile(self._calls, self._device)

    def add(self) -> None:
        _run(self._calls, self._device)


@dataclass(frozen=True)
class _Call:
    """A kernel, what it is run with, by so many members, and what it is compiled for."""

    kernel: Any
    members: int
    arguments: dict[str, Any]
    constants: dict[str, Any]

    def run(self) -> None:
        self.kernel[(self.members,)](**self.arguments, **self.constants)

    def compile(self) -> None:
        self.kernel.warmup(grid=(self.members,), **self.arguments, **self.constants)


_COMPILED: set[tuple[Any, ...]] = set()
"""The kernels that this process has compiled, and what for: even to ask Triton takes a while."""


def _compile(calls: Sequence[_Call], device: torch.device) -> None:
    """Compile the kernels of all calls at the same time, as far as they aren't yet.

    The compiler works without the lock of Python.
    """
    if device.type != "cuda":
        return
    different = {
        key: call
        for call in calls
        if (key := (device, call.kernel, *call.constants.values())) not in _COMPILED
    }
    if not different:
        return

    def compile_one(call: _Call) -> None:
        with torch.cuda.device(device):
            call.compile()

    with ThreadPoolExecutor(max_workers=len(os.sched_getaffinity(0))) as threads:
        list(threads.map(compile_one, different.values()))
    _COMPILED.update(different)


def _run(calls: Sequence[_Call], device: torch.device) -> None:
    """Run the calls side by side; what comes later on the current stream waits for all.

    In a graph they are branches.
    """
    if device.type != "cuda" or len(calls) == 1:
        for call in calls:
            call.run()
        return
    current = torch.cuda.current_stream(device)
    streams = _streams_of(device, len(calls))
    for stream, call in zip(streams, calls, strict=True):
        stream.wait_stream(current)
        with torch.cuda.stream(stream):
            call.run()
    for stream in streams:
        current.wait_stream(stream)


@lru_cache(maxsize=8)
def _streams_of(device: torch.device, number: int) -> list[torch.cuda.Stream]:
    return [torch.cuda.Stream(device) for _ in range(number)]


class _Group:
    """Members of one shape, and the launches of its kernels."""

    def __init__(
        self,
        trainees: Sequence[Trainee],
        *,
        dimension: int,
        device: torch.device,
        tf32: bool,
        courses: Sequence[int],
    ) -> None:
        """`courses` are the positions of theirs among the stack's."""
        # Only where it is used: a processor needs no Triton.
        from .fused_kernels import evaluation_kernel, training_kernel

        self.members = [trainee.member for trainee in trainees]
        member = self.members[0]
        mlp = Mlp.of(member)
        self._shape = _shape_of(mlp, dimension)
        self._launch = LAUNCHES[self._shape.width, self._shape.depth]
        self._precision = "tf32" if tf32 else self._launch.precision
        self._train = training_kernel(self._shape, member.optimizer)
        self._evaluate = evaluation_kernel(self._shape)
        self.first, self._device = 0, device
        self.sums = torch.zeros(len(trainees), device=device, dtype=torch.float64)
        self._sizes: dict[str, Any] = {
            "VECTORS": 2 * dimension,
            "INPUTS": mlp.input_size(dimension),
        }
        self._courses = torch.tensor(courses) * (BLOCK_STEPS * COURSE_NUMBERS)
        # An optimiser without a setting has a zero in its place.
        settings = [
            [each.learning_rate, sum(optimiser_settings(each).values())] for each in self.members
        ]
        self._settings = torch.tensor(settings, dtype=torch.float32).to(device)
        states = len(state_names(member.optimizer))
        numbers = torch.zeros(len(trainees), states, self._shape.size)
        for trainee, flat in zip(trainees, numbers, strict=True):
            places, _ = self._places_of(trainee.member)
            flat[:, places] = torch.cat([piece.flatten(1) for piece in trainee.pieces], dim=1)
        self.states = numbers.to(device)
        self._places: Tensor | None = None

    def keep(self, members: Collection[Member]) -> None:
        """Let all go that are none of `members`."""
        kept = [place for place, member in enumerate(self.members) if member in members]
        if len(kept) == len(self.members):
            return
        self.members = [self.members[place] for place in kept]
        places = torch.tensor(kept, dtype=torch.int64)
        self._courses = self._courses[places]
        places = places.to(self._device)
        self.states, self.sums = self.states[places], self.sums[places]
        self._settings = self._settings[places]

    def _places_of(self, member: Member) -> tuple[Tensor, list[torch.Size]]:
        units = Mlp.of(member).layer_sizes
        return places_of(self._shape, units, self._sizes["VECTORS"], self._sizes["INPUTS"])

    def unload(self) -> list[Trainee]:
        """The members with their state now."""
        loaded = []
        for member, flat in zip(self.members, self.states.cpu(), strict=True):
            places, shapes = self._places_of(member)
            numbers = flat[:, places].split([shape.numel() for shape in shapes], dim=1)
            pieces = [
                piece.view(len(flat), *shape) for piece, shape in zip(numbers, shapes, strict=True)
            ]
            loaded.append(Trainee(member, tuple(pieces)))
        return loaded

    def places(self, batches: Batches) -> Tensor:
        """Each member's stream among those of its stack, and where its course begins (K, 2)."""
        members = len(self.members)
        shared = batches.labels.shape[1] == 1
        streams = torch.arange(members) * 0 if shared else torch.arange(members) + self.first
        return torch.stack([streams, self._courses], dim=1).int().to(self._device)

    def bind(self, block: Batches) -> None:
        """Train on `block` from now on."""
        self._places = self.places(block)

    def train(self, block: Batches, rates: Tensor, steps: int, *, averaging: bool) -> _Call:
        """One launch for all members."""
        return _Call(
            self._train,
            len(self.members),
            {
                "inputs": block.inputs,
                "labels": block.labels,
                "states": self.states,
                "settings": self._settings,
                "course": rates,
                "places": self._places,
                "sums": self.sums,
                "streams": _streams(block),
                "steps": steps,
                "averaging": int(averaging),
            },
            self._constants(block, self._launch) | {"PRECISION": self._precision},
        )

    def evaluate(self, batches: Batches, places: Tensor, sums: Tensor, *, averaged: bool) -> _Call:
        """One launch for all members, which adds to `sums` (K, 2)."""
        _, states, size = self.states.shape
        return _Call(
            self._evaluate,
            len(self.members),
            {
                "inputs": batches.inputs,
                "labels": batches.labels,
                "states": self.states,
                "places": places,
                "sums": sums,
                "streams": _streams(batches),
                "batches": len(batches.labels),
                "size": states * size,
                "first": (states - 1) * size if averaged else 0,
            },
            self._constants(batches, EVALUATION) | {"PRECISION": EVALUATION.precision},
        )

    def _constants(self, batches: Batches, launch: Launch) -> dict[str, Any]:
        """What the kernels are compiled for beside their shape."""
        size = batches.inputs.shape[3]
        return {
            **self._sizes,
            "ROWS": batches.inputs.shape[2],
            "BATCH": size,
            "SLICE": min(launch.slice, size & -size),  # a power of two divides them
            "num_warps": launch.warps,
            "num_stages": 1,
        }


@lru_cache(maxsize=4096)
def places_of(
    shape: FusedShape, units: tuple[int, ...], vectors: int, inputs: int
) -> tuple[Tensor, list[torch.Size]]:
    """Where the numbers of a member lie among those of its kernel, and its pieces' shapes.

    `units` are those of its hidden layers, and it reads `inputs`, of which the first `vectors` are
    the two vectors. The places are those of its pieces one behind the other, each row by row.
    """
    places, outputs = torch.arange(shape.size), (*units, 1)
    pieces: list[Tensor] = []
    for layer, before in enumerate(shape.sizes):
        rows = shape.width if layer < shape.depth else 1
        start = shape.offset(layer)
        stop = start + rows * before
        weights = places[start:stop].view(rows, before)[: outputs[layer]]
        bias = places[stop : stop + outputs[layer], None]
        if layer == 0:
            pieces.append(torch.cat([weights[:, :vectors], bias, weights[:, vectors:inputs]], 1))
        else:
            pieces += [weights[:, : units[layer - 1]], bias]
    return torch.cat([piece.flatten() for piece in pieces]), [piece.shape for piece in pieces]


def _streams(batches: Batches) -> int:
    """The streams in memory between a batch and the next: more than a part of them has."""
    return batches.labels.stride(0) // batches.labels.shape[2]


def _course(member: Member) -> tuple[str, str]:
    """What settles the numbers that change from step to step."""
    return member.optimizer, member.schedule


@lru_cache(maxsize=16)
def course_of(optimizer: str, schedule: str, steps: int) -> Tensor:
    """The numbers of every step (steps, COURSE_NUMBERS), float32, on the host.

    Adam's corrections are those of its first moment and of the second moment's root.
    """
    factor_at = SCHEDULES[schedule]
    corrected = "first_moment" in OPTIMISERS[optimizer].states
    rows = [
        [
            average_weight(step),
            factor_at(step, steps),
            1.0 / (1.0 - BETA_1 ** (step + 1)) if corrected else 1.0,
            (1.0 - BETA_2 ** (step + 1)) ** -0.5 if corrected else 1.0,
        ]
        for step in range(steps)
    ]
    return torch.tensor(rows, dtype=torch.float32)
