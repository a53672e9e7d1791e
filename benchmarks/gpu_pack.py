"""A whole pack on a GPU against the bare time of its steps."""

import random
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any
from unittest import mock

import torch
from engine_contenders import (
    BLOCK,
    CPU,
    ROUNDS,
    member_of,
    on_device,
    pack_of,
    seconds_of,
    wait_for,
)

from trainables import Halving, Pack, Report, train
from trainables.gpu.cuda_graph import BlockGraph
from trainables.gpu.tensor_engine import TensorEngine
from trainables.gpu.tensor_stack import TensorStack
from trainables.trainee import Trainee
from trainables.training import _Run


def quick_pack(members: int, steps: int) -> Pack:
    """Like those of `dottune run quick`, but of many members."""
    draw = random.Random(0)
    everyone = [
        member_of(
            trial,
            depth=draw.randint(0, 3),
            width=round(4 * 16 ** draw.random()),
            learning_rate=10 ** draw.uniform(-4, -1),
            schedule="cosine",
        )
        for trial in range(members)
    ]
    halving = Halving(grace_period=max(1, steps // 8), reduction_factor=2, min_survivors=2)
    return pack_of(everyone, dimension=8, steps=steps, halving=halving)


def bare_seconds(pack: Pack, reports: Sequence[Report], device: torch.device) -> float:
    """What the steps of the pack take alone: no start, no evaluation, no placing, no capture."""
    total, done = 0.0, 0
    for report in reports:
        alive = [evaluation.member for evaluation in report.evaluations]
        trainees = [Trainee.start(member, pack.task, CPU, torch.float32) for member in alive]
        averaging = report.step < pack.steps
        graph, _ = on_device(pack, trainees, device, drawing=True, averaging=averaging)
        graph(2 * BLOCK)
        rounds = [seconds_of(device, lambda graph=graph: graph(2 * BLOCK)) for _ in range(ROUNDS)]
        total += statistics.median(rounds) / (2 * BLOCK) * (report.step - done)
        done = report.step
    return total


PARTS: tuple[tuple[type, str, str], ...] = (
    (TensorEngine, "stacks", "making stacks"),
    (TensorStack, "unload", "unloading stacks"),
    (_Run, "advance", "steps with the next three"),
    (_Run, "_bind", "binding operations"),
    (BlockGraph, "_warm_up", "first blocks"),
    (BlockGraph, "_captured", "capturing"),
    (_Run, "_measure", "evaluating"),
)
"""Methods, and what of a pack's time they are."""


def seconds_by_part(work: Callable[[], object], device: torch.device) -> dict[str, float]:
    """How long `work` spends in each of PARTS, which all wait for the device here."""
    spent = dict.fromkeys((name for _, _, name in PARTS), 0.0)

    def timed(method: Callable[..., Any], name: str) -> Callable[..., Any]:
        def call(*arguments: Any, **rest: Any) -> Any:
            wait_for(device)
            began = time.perf_counter()
            result = method(*arguments, **rest)
            wait_for(device)
            spent[name] += time.perf_counter() - began
            return result

        return call

    with ExitStack() as patches:
        for owner, method, name in PARTS:
            call = timed(getattr(owner, method), name)
            patches.enter_context(mock.patch.object(owner, method, call))
        work()
    return spent


def whole_pack(members: int, steps: int, device: torch.device) -> dict[str, Any]:
    """The second of two runs in this process against its bare steps; and a third one by parts."""
    pack = quick_pack(members, steps)
    list(train(pack, device=device))
    began = time.perf_counter()
    reports = list(train(pack, device=device))
    wait_for(device)
    seconds = time.perf_counter() - began
    bare = bare_seconds(pack, reports, device)
    parts = seconds_by_part(lambda: list(train(pack, device=device)), device)
    member_steps = sum(
        len(report.evaluations) * (report.step - before)
        for report, before in zip(reports, [0, *(each.step for each in reports)], strict=False)
    )
    return {
        "members": len(pack.members),
        "member_steps": member_steps,
        "seconds": seconds,
        "bare": bare,
        "parts": parts,
    }
