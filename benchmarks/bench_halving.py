"""What halving saves in time, and what it costs in quality.

Time: one pack with and without halving, in turn, on one core. Quality: 128 random members are
trained to the end, with the loss of the weights and of their running average at every rung; random
packs of several sizes are then halved by either, and the best survivor is compared with the best
of the whole pack.

    python benchmarks/bench_halving.py [--json FILE]
"""

import argparse
import json
import random
import statistics
import time
from dataclasses import replace
from typing import Any

import torch
from machine import describe

from spaces.vocabulary import HYPERPARAMETERS, configuration_of
from trainables import Halving, Member, Pack, Task, train
from trainables.evaluation import evaluate
from trainables.processor.compiled_stack import CompiledStack
from trainables.sources import source_of
from trainables.sources.batches import BLOCK_STEPS, RUNG_PAIRS, SELECTION_PAIRS
from trainables.stop_rules import SuccessiveHalving
from trainables.trainee import Trainee

CPU = torch.device("cpu")
STEPS, BATCH_SIZE, DIMENSION = 2000, 256, 8
HALVING = Halving(grace_period=STEPS // 8, reduction_factor=2, min_survivors=2)


def random_members(count: int, schedule: str = "cosine", seed: int = 0) -> tuple[Member, ...]:
    """Members of depth 0 to 3, width 4 to 64, learning rate 1e-4 to 1e-1 (the last two in log)."""
    draw = random.Random(seed)
    defaults = {name: field.default for name, field in HYPERPARAMETERS.items()}
    return tuple(
        Member(
            trial=trial,
            replicate=0,
            hyperparameters=configuration_of(
                {
                    **defaults,
                    "depth": draw.randint(0, 3),
                    "width": round(4 * 16 ** draw.random()),
                    "learning_rate": 1e-4 * 1000 ** draw.random(),
                    "schedule": schedule,
                }
            ),
            initialisation_seed=draw.getrandbits(60),
            data_seed=seed,
            evaluation_seed=seed + 1,
        )
        for trial in range(count)
    )


def make_pack(members: tuple[Member, ...], halving: Halving | None) -> Pack:
    """A pack of the search phase."""
    return Pack(
        search="benchmark",
        study="all",
        number=0,
        phase="search",
        steps_factor=1,
        task=Task(dimension=DIMENSION),
        batch_size=BATCH_SIZE,
        steps=STEPS,
        halving=halving,
        members=members,
    )


def seconds_saved(size: int, rounds: int) -> dict[str, float]:
    """Median seconds of a pack without and with halving, and their ratio."""
    times: dict[str, list[float]] = {"without": [], "with": []}
    for seed in range(rounds):
        pack = make_pack(random_members(size, seed=seed), None)
        for name, halving in (("without", None), ("with", HALVING)):
            began = time.perf_counter()
            list(train(replace(pack, halving=halving), device=CPU))
            times[name].append(time.perf_counter() - began)
    ratios = [b / a for a, b in zip(times["without"], times["with"], strict=True)]
    return {
        "without": statistics.median(times["without"]),
        "with": statistics.median(times["with"]),
        "ratio": statistics.median(ratios),
    }


@torch.inference_mode()
def losses_at_rungs(members: tuple[Member, ...]) -> dict[str, list[dict[int, float]]]:
    """For "averaged" and "raw": the losses by trial at every rung, then the final losses."""
    marks = SuccessiveHalving(HALVING).rungs(STEPS)
    task = Task(dimension=DIMENSION)
    losses: dict[str, list[dict[int, float]]] = {
        judge: [{} for _ in (*marks, STEPS)] for judge in ("averaged", "raw")
    }
    trainees = [Trainee.start(member, task, CPU, torch.float32) for member in members]
    stream = source_of(task).training(batch_size=BATCH_SIZE, device=CPU, dtype=torch.float32)
    stream.arrange([members[0].data_seed])
    stack = CompiledStack(trainees, dimension=DIMENSION, dtype=torch.float32, threads=1)
    stack.bind(stream.block, averaging=True)
    done = 0
    for rung, mark in enumerate((*marks, STEPS)):
        while done < mark:
            steps = min(BLOCK_STEPS, mark - done)
            stream.fill(steps)
            stack.schedule(done, STEPS)
            stack.train(steps)
            done += steps
        last = mark == STEPS
        for judge in losses:
            found = evaluate(
                stack,
                source_of(task),
                SELECTION_PAIRS if last else RUNG_PAIRS,
                averaged=judge == "averaged" and not last,
            )
            for member, loss in zip(stack.members, found, strict=True):
                losses[judge][rung][member.trial] = loss.mean
    return losses


def excess(losses: list[dict[int, float]], size: int, packs: int = 2000) -> float:
    """Mean of (best survivor / best of the pack - 1) over random packs."""
    draw = random.Random(0)
    final = {trial: loss for trial, loss in losses[-1].items() if loss == loss}
    costs = []
    for _ in range(packs):
        pack = draw.sample(sorted(final), size)
        alive = set(pack)
        for rung in losses[:-1]:
            finite = {trial: rung[trial] for trial in alive if rung[trial] == rung[trial]}
            alive = SuccessiveHalving(HALVING).going(finite)
        best = min(final[trial] for trial in alive)
        costs.append(best / min(final[trial] for trial in pack) - 1)
    return statistics.mean(costs)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    result: dict[str, Any] = {"machine": describe(), "seconds": {}, "excess": {}}
    for size in (16, 32):
        result["seconds"][size] = seconds_saved(size, rounds=5)
    for schedule in ("cosine", "constant"):
        losses = losses_at_rungs(random_members(128, schedule))
        for judge, each in losses.items():
            for size in (8, 16, 32):
                result["excess"][f"{schedule}, {judge}, packs of {size}"] = excess(each, size)
    print(result["machine"])
    for size, times in result["seconds"].items():
        print(
            f"pack of {size}: {times['without']:.2f} s without halving, "
            f"{times['with']:.2f} s with: {times['ratio']:.0%}"
        )
    for name, cost in result["excess"].items():
        print(f"best loss given away, {name}: {cost:.1%}")
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump(result, file, indent=2)


if __name__ == "__main__":
    main()
