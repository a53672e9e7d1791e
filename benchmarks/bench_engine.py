"""Member-steps per second of one core: dottune's stacks against what a user would write instead.

Every round times all contenders one after the other, so that a change in the machine's speed meets
all of them; the ratios are medians over the rounds of the ratio within a round. Where a contender
can train several networks at once, the best of several sizes counts.

    python benchmarks/bench_engine.py [--rounds 7] [--batch-size 256] [--json FILE]
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

# One core for everyone, before the libraries start their threads.
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ["OMP_NUM_THREADS"] = "1"
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

import torch
from engine_contenders import BLOCK, Contender, Shape, functional, jax_scan, packs, plain
from machine import describe

SHAPES = [
    Shape(dimension=4, depth=2, width=16),
    Shape(dimension=8, depth=3, width=32),
    Shape(dimension=16, depth=2, width=64),
    Shape(dimension=16, depth=2, width=128),
    Shape(dimension=16, depth=3, width=256),
]
ROUND_SECONDS = 0.25


def rate(contender: Contender) -> float:
    """Member-steps per second, over about ROUND_SECONDS."""
    count, began = BLOCK, time.perf_counter()
    contender.steps(BLOCK)
    seconds = time.perf_counter() - began
    count = max(1, round(ROUND_SECONDS / max(seconds, 1e-9))) * BLOCK
    began = time.perf_counter()
    contender.steps(count)
    return contender.members * count / (time.perf_counter() - began)


def fastest(make: Callable[[int], Contender], sizes: list[int]) -> Contender:
    """The contender of the size that trains most members per second."""
    candidates = [make(size) for size in sizes]
    for candidate in candidates:
        candidate.steps(2 * BLOCK)
    return max(candidates, key=rate)


def peak_gflops() -> dict[str, float]:
    """The best float32 matrix product of this core, by library, in GFLOP/s."""
    rates = {}
    for size in (256, 512, 1024):
        a, b, out = torch.randn(size, size), torch.randn(size, size), torch.empty(size, size)
        for name, product in {
            "MKL": lambda a=a, b=b, out=out: torch.mm(a, b, out=out),
            "oneDNN": lambda a=a, b=b: torch.ops.mkldnn._linear_pointwise(
                a, b, None, "none", [], ""
            ),
        }.items():
            product()
            best = float("inf")
            for _ in range(20):
                began = time.perf_counter()
                product()
                best = min(best, time.perf_counter() - began)
            rates[name] = max(rates.get(name, 0.0), 2 * size**3 / best / 1e9)
    return rates


def measure(shape: Shape, rounds: int) -> dict[str, Any]:
    """All contenders on one shape."""
    contenders = [
        fastest(lambda members: packs(shape, members), [16, 32, 64]),
        plain(shape),
        fastest(lambda members: functional(shape, members), [8, 32]),
    ]
    try:
        contenders.append(fastest(lambda members: jax_scan(shape, members), [4, 8, 16, 32]))
    except ImportError:
        print("jax is not installed: its row is left out (pip install jax)")
    rates: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    for _ in range(rounds):
        for contender in contenders:
            rates[contender.name].append(rate(contender))
    ours = rates["dottune"]
    return {
        "shape": [shape.dimension, shape.depth, shape.width],
        "microseconds": {name: 1e6 / statistics.median(each) for name, each in rates.items()},
        "members": {contender.name: contender.members for contender in contenders},
        "compile_seconds": contenders[-1].compile_seconds,
        "ratios": {
            name: statistics.median(a / b for a, b in zip(ours, each, strict=True))
            for name, each in rates.items()
            if name != "dottune"
        },
        "gflops": statistics.median(ours) * shape.step_flops / 1e9,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--json")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)  # as the engine trains, and as JAX does by itself
    peak = peak_gflops()
    shapes = [replace(shape, batch_size=arguments.batch_size) for shape in SHAPES]
    rows = [measure(shape, arguments.rounds) for shape in shapes]
    print(describe())
    best = max(peak, key=lambda name: peak[name])
    print(f"best float32 product of one core: {best} {peak[best]:.0f} GFLOP/s ({peak})")
    for row in rows:
        cells = ", ".join(f"{name} {value:.1f} us" for name, value in row["microseconds"].items())
        ratios = ", ".join(f"{value:.1f}x {name}" for name, value in row["ratios"].items())
        share = row["gflops"] / peak[best]
        print(f"{tuple(row['shape'])}: {cells}")
        print(f"    {ratios}; {row['gflops']:.0f} GFLOP/s, {share:.0%}")
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump({"machine": describe(), "peak_gflops": peak, "rows": rows}, file, indent=2)


if __name__ == "__main__":
    main()
