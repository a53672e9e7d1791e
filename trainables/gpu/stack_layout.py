"""How a pack is cut into stacks on a GPU: the engine's business, which changes no decision.

A wide stack pads its narrow members, a narrow one repeats the cost of every operation's start.
The cut minimises a simple estimate of the time per step over all cuts of the members, sorted by
width, into runs. It depends on the members alone, never on measurements, so that the same pack
gives the same numbers every time.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

import torch

from ..families.mlp import Mlp
from ..trainee import Trainee
from .stack_memory import stack_bytes
from .stack_shape import StackShape


@dataclass(frozen=True, kw_only=True)
class DeviceCosts:
    """What the estimate knows of a device.

    `operation_seconds`: to start one tensor operation; `flops_per_second` in the products of small
    matrices; `bytes_per_second` of elementwise operations; `stack_bytes`: the most that a stack may
    take.
    """

    operation_seconds: float
    flops_per_second: float
    bytes_per_second: float
    stack_bytes: int


GPU_COSTS = DeviceCosts(
    operation_seconds=4.0e-6,
    flops_per_second=1.0e13,
    bytes_per_second=2.0e12,
    stack_bytes=8 << 30,
)
WIDTH_STEP = 8
"""Widths that differ by less are never parted: it keeps the search for a cut short."""
ELEMENTWISE_PASSES = 6
"""Reads and writes of a layer's activations outside its matrix products, forward and backward."""


def stack_seconds(
    trainees: Sequence[Trainee], *, dimension: int, batch_size: int, costs: DeviceCosts
) -> float:
    """The estimated time of one training step of a stack of `trainees`."""
    members = [Mlp.of(trainee.member) for trainee in trainees]
    width = max(member.width for member in members)
    depths = [member.depth for member in members]
    operations = 14 + 8 * max(depths) + 3 * len(set(depths) - {0})
    inputs = members[0].input_size(dimension) + 1
    units = batch_size * width * sum(depths)
    first_flops = 4 * inputs * batch_size * width * sum(depth > 0 for depth in depths)
    hidden_flops = 6 * width * batch_size * width * sum(max(depth - 1, 0) for depth in depths)
    return (
        operations * costs.operation_seconds
        + (first_flops + hidden_flops) / costs.flops_per_second
        + units * 4 * ELEMENTWISE_PASSES / costs.bytes_per_second
    )


def cut(
    trainees: Sequence[Trainee], *, dimension: int, batch_size: int, costs: DeviceCosts = GPU_COSTS
) -> list[list[Trainee]]:
    """The trainees of each stack. Members of one stack share what `_kind` names."""
    ordered = sorted(trainees, key=lambda trainee: (_kind(trainee), _units(trainee)))
    stacks: list[list[Trainee]] = []
    for _, group in groupby(ordered, key=_kind):
        classes = [
            list(same)
            for _, same in groupby(group, key=lambda each: -(-_units(each) // WIDTH_STEP))
        ]
        for run in _best_runs(classes, dimension, batch_size, costs):
            stacks += _within_bounds(run, dimension, batch_size, costs)
    return stacks


def _kind(trainee: Trainee) -> tuple[bool, str, str, str]:
    member, mlp = trainee.member, Mlp.of(trainee.member)
    return mlp.multiplication, mlp.activation, member.schedule, member.optimizer


def _units(trainee: Trainee) -> int:
    """The units of a member's widest hidden layer; 0 without any."""
    return Mlp.of(trainee.member).width


def _best_runs(
    classes: list[list[Trainee]], dimension: int, batch_size: int, costs: DeviceCosts
) -> list[list[Trainee]]:
    """The cut of the classes of like width, ascending, into runs of least total time."""
    best: list[tuple[float, list[list[Trainee]]]] = [(0.0, [])]
    for stop in range(1, len(classes) + 1):
        options = []
        run: list[Trainee] = []
        for start in reversed(range(stop)):
            run = classes[start] + run
            seconds = sum(
                stack_seconds(part, dimension=dimension, batch_size=batch_size, costs=costs)
                for part in _within_bounds(run, dimension, batch_size, costs)
            )
            options.append((best[start][0] + seconds, [*best[start][1], run]))
        best.append(min(options, key=lambda option: option[0]))
    return best[-1][1]


def _within_bounds(
    run: list[Trainee], dimension: int, batch_size: int, costs: DeviceCosts
) -> list[list[Trainee]]:
    """The run in parts of even size that keep to `stack_bytes`."""
    parts = 1
    while parts < len(run):
        widest = run[-math.ceil(len(run) / parts) :]
        if _bytes(widest, dimension, batch_size) <= costs.stack_bytes:
            break
        parts *= 2
    parts = min(parts, len(run))
    bounds = [len(run) * part // parts for part in range(parts + 1)]
    return [run[start:stop] for start, stop in pairwise(bounds)]


def _bytes(run: list[Trainee], dimension: int, batch_size: int) -> int:
    members = sorted((Mlp.of(trainee.member) for trainee in run), key=lambda mlp: -mlp.depth)
    return stack_bytes(
        StackShape(members, dimension),
        activation=members[0].activation,
        optimizer=run[0].member.optimizer,
        batch_size=batch_size,
        dtype=torch.float32,
    )
