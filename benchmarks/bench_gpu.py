"""What a GPU makes of packs: right numbers, member-steps per second, kernels, a whole pack.

It needs torch and this checkout alone, JAX where it is installed, and takes less than BUDGET
seconds. Every time ends when the device has done its work.

    python benchmarks/bench_gpu.py [--budget 420] [--json FILE] [--dry-run]

`--dry-run` runs each part, tiny, on a processor. The exit status is 1 if a pack on the device
differs from plain torch there.
"""

import argparse
import gc
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

# Before JAX is imported: torch needs memory beside it.
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
if "--dry-run" in sys.argv:
    os.environ["JAX_PLATFORMS"] = "cpu"
sys.path.insert(0, str(Path(__file__).parents[1]))

import torch
from engine_contenders import (
    BLOCK,
    CPU,
    ROUNDS,
    STEPS,
    Contender,
    Shape,
    functional,
    jax_scan,
    on_device,
    pack_of_one_shape,
    plain,
    seconds_of,
    tensor_engine,
)
from gpu_correctness import TOLERANCES, differences, packs_to_check, use_tensor_engine_everywhere
from gpu_pack import quick_pack, whole_pack
from gpu_tables import markdown

from trainables.trainee import Trainee
from trainables.training import product_precision

BUDGET = 420.0
SHARES = {"peaks": 0.03, "correctness": 0.25, "kernels": 0.05, "pack": 0.17}
"""Of the budget, for each part at most; what they leave is for the rates."""
ROUND_SECONDS = 0.1


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How much of everything."""

    shapes: tuple[Shape, ...] = (
        Shape(dimension=4, depth=2, width=16),
        Shape(dimension=8, depth=2, width=32),
        Shape(dimension=8, depth=2, width=64),
        Shape(dimension=16, depth=2, width=128),
        Shape(dimension=16, depth=3, width=256),
    )
    members: tuple[int, ...] = (64, 512, 4096)
    checks: int = 16
    product: int = 8192
    copied_bytes: int = 4 << 30
    pack_members: int = 512
    pack_steps: int = 2000
    pack_sizes: tuple[int, ...] = (16, 32, 64, 128, 256, 512, 1024)


TINY = Sizes(
    shapes=(Shape(dimension=2, depth=2, width=4, batch_size=8),),
    members=(2, 3, 4),
    checks=2,
    product=64,
    copied_bytes=1 << 16,
    pack_members=6,
    pack_steps=64,
    pack_sizes=(2, 3),
)

Maker = Callable[[Shape, int, torch.device], list[Contender]]


def _functional(shape: Shape, members: int, device: torch.device) -> list[Contender]:
    return [functional(shape, members, device)]


def _plain(shape: Shape, members: int, device: torch.device) -> list[Contender]:
    return [plain(shape, device)]


def _jax(shape: Shape, members: int, device: torch.device) -> list[Contender]:
    import jax

    # Its own default rounds to TF32 on a GPU.
    jax.config.update("jax_default_matmul_precision", "highest")
    return [jax_scan(shape, members)]


def makers(sizes: Sizes) -> list[tuple[Maker, Sequence[int]]]:
    """What makes contenders of one shape and number of members, and the numbers to try.

    In order of interest: what the time doesn't suffice for stands last. JAX compiles for seconds
    for every one.
    """
    few, some, many = sizes.members
    return [
        (tensor_engine, sizes.members),
        (_functional, sizes.members),
        (_plain, [1]),
        (_jax, (some, many, few)),
    ]


class Clock:
    """The time that is left."""

    def __init__(self, seconds: float) -> None:
        self._end = time.perf_counter() + seconds

    def is_over(self) -> bool:
        """Whether nothing new may begin."""
        return time.perf_counter() >= self._end


def free(device: torch.device) -> None:
    """Give back what torch keeps for later: JAX can't use it."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()


def peaks(sizes: Sizes, device: torch.device) -> dict[str, float]:
    """The best float32 product in TFLOP/s, the best copy in TB/s, read and written."""
    n = sizes.product
    a, b, out = (torch.randn(n, n, device=device) for _ in range(3))
    product = partial(torch.mm, a, b, out=out)
    one = torch.ones(sizes.copied_bytes // 4, device=device)
    copy = partial(torch.empty_like(one).copy_, one)
    for work in (product, copy):
        work()
    best = [min(seconds_of(device, work) for _ in range(5)) for work in (product, copy)]
    return {
        "float32_tflops": 2 * n**3 / best[0] / 1e12,
        "copy_terabytes": 2 * sizes.copied_bytes / best[1] / 1e12,
    }


def correctness(sizes: Sizes, device: torch.device, clock: Clock) -> list[dict[str, Any]]:
    """Rows of packs and how far they are from plain torch, up to the first one too far."""
    rows: list[dict[str, Any]] = []
    for name, pack in list(packs_to_check())[: sizes.checks]:
        for dtype, tolerance in TOLERANCES.items():
            if clock.is_over():
                return rows
            found = differences(pack, device, dtype)
            median, largest = statistics.median(found), max(found)
            right = median <= tolerance.median and largest <= tolerance.largest
            row = {"pack": name, "dtype": str(dtype), "median": median, "largest": largest}
            rows.append({**row, "right": right})
            if not right:
                return rows
    return rows


def member_steps_per_second(contender: Contender) -> float:
    """The median over rounds."""
    contender.steps(2 * BLOCK)  # the second block is captured
    seconds = seconds_of(CPU, lambda: contender.steps(BLOCK))
    if seconds >= ROUND_SECONDS:
        return contender.members * BLOCK / seconds
    count = round(ROUND_SECONDS / seconds) * BLOCK
    rounds = [seconds_of(CPU, lambda: contender.steps(count)) for _ in range(ROUNDS)]
    return contender.members * count / statistics.median(rounds)


def rates(sizes: Sizes, device: torch.device, clock: Clock) -> list[dict[str, Any]]:
    """Rows of contender, shape, members and member-steps per second, or why there is none."""
    rows: list[dict[str, Any]] = []
    for make, numbers in makers(sizes):
        for shape in sizes.shapes:
            for members in numbers:
                row = {"shape": asdict(shape), "members": members}
                if clock.is_over():
                    rows.append({**row, "contender": make.__name__, "missing": "no time left"})
                    continue
                try:
                    for contender in make(shape, members, device):
                        rate = member_steps_per_second(contender)
                        rows.append(
                            {
                                **row,
                                "contender": contender.name,
                                "rate": rate,
                                "compile_seconds": contender.compile_seconds,
                            }
                        )
                        print(f"    {contender.name}, {members}, {shape.sizes}: {rate:,.0f}/s")
                except (ImportError, RuntimeError) as error:
                    why = f"{type(error).__name__}: {str(error)[:200]}"
                    rows.append({**row, "contender": make.__name__, "missing": why})
                    print(f"    {make.__name__}, {members}, {shape.sizes}: {why}")
                    if isinstance(error, ImportError):
                        break
                contender = None
                free(device)
    return rows


def pack_sizes(sizes: Sizes, device: torch.device) -> list[dict[str, Any]]:
    """Rows of members and member-steps per second: packs like `quick`'s, batches drawn."""
    rows = []
    for members in sizes.pack_sizes:
        pack = quick_pack(members, STEPS)
        trainees = [Trainee.start(each, pack.task, CPU, torch.float32) for each in pack.members]
        steps, _ = on_device(pack, trainees, device, drawing=True, averaging=True)
        contender = Contender(name="dottune", members=members, steps=steps)
        rows.append({"members": members, "rate": member_steps_per_second(contender)})
    return rows


def tf32(sizes: Sizes, device: torch.device) -> dict[str, list[dict[str, Any]]]:
    """With the factors of products rounded to TF32: member-steps per second, and the losses.

    The losses are those at the end, against plain torch on the device in float32 proper.
    """
    members = sizes.members[1]
    rows = []
    with product_precision(tf32=True):
        for shape in sizes.shapes:
            pack, trainees = pack_of_one_shape(shape, members)
            steps, _ = on_device(replace(pack, tf32=True), trainees, device)
            contender = Contender(name="dottune, TF32", members=members, steps=steps)
            rate = member_steps_per_second(contender)
            row = {"shape": asdict(shape), "members": members, "contender": contender.name}
            rows.append({**row, "rate": rate})
            free(device)
    checks = []
    for name, pack in list(packs_to_check())[: min(4, sizes.checks)]:
        found = differences(replace(pack, tf32=True), device, torch.float32)
        checks.append({"pack": name, "median": statistics.median(found), "largest": max(found)})
    return {"rates": rows, "losses": checks}


def kernels(shape: Shape, members: int, device: torch.device) -> list[dict[str, Any]]:
    """The ten kernels that take most of a step, in microseconds of a step, and how often."""
    _, eager = on_device(*pack_of_one_shape(shape, members), device)
    eager(2 * BLOCK)
    activities = [torch.profiler.ProfilerActivity.CPU]
    if device.type == "cuda":
        activities.append(torch.profiler.ProfilerActivity.CUDA)
    with torch.profiler.profile(activities=activities) as profile:
        eager(2 * BLOCK)
    on_cpu = device.type == "cpu"
    rows = [
        {
            "kernel": event.key,
            "calls": event.count / (2 * BLOCK),
            "microseconds": (event.self_cpu_time_total if on_cpu else event.self_device_time_total)
            / (2 * BLOCK),
        }
        for event in profile.key_averages()
        if on_cpu or event.device_type == torch.autograd.DeviceType.CUDA
    ]
    return sorted(rows, key=lambda row: -float(row["microseconds"]))[:10]


def describe(device: torch.device) -> str:
    """The device, Python, torch and JAX, in one line."""
    name = platform.machine()
    if device.type == "cuda":
        about = torch.cuda.get_device_properties(device)
        name = f"{about.name} ({about.multi_processor_count} multiprocessors)"
    jax = f", JAX {version('jax')}" if find_spec("jax") else ""
    return f"{name}, Python {platform.python_version()}, torch {torch.__version__}{jax}"


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--budget", type=float, default=BUDGET, help="seconds for everything")
    parser.add_argument("--json")
    parser.add_argument("--dry-run", action="store_true")
    arguments = parser.parse_args()
    if not arguments.dry_run and not torch.cuda.is_available():
        # No error: all benchmarks run one after the other on machines of any kind.
        print("nothing measured: torch sees no GPU here. Run it where it does, or with --dry-run")
        return 0
    device = torch.device("cpu" if arguments.dry_run else "cuda")
    sizes = TINY if arguments.dry_run else Sizes()
    if arguments.dry_run:
        torch.set_num_threads(1)
        use_tensor_engine_everywhere()
    everything = Clock(arguments.budget * (1 - SHARES["kernels"]))
    results: dict[str, Any] = {
        "date": datetime.now(UTC).date().isoformat(),
        "device": describe(device),
    }

    def part(name: str, measure: Callable[[Clock], Any]) -> None:
        share = SHARES.get(name)
        clock = everything if share is None else Clock(arguments.budget * share)
        began = time.perf_counter()
        results[name] = measure(clock)
        free(device)
        print(f"{name}: {time.perf_counter() - began:.1f} s", flush=True)
        if arguments.json:
            # After every part: what broke off later leaves what is known.
            Path(arguments.json).write_text(json.dumps(results, indent=2))

    with product_precision(tf32=False):
        part("peaks", lambda clock: peaks(sizes, device))
        part("correctness", lambda clock: correctness(sizes, device, clock))
        part("pack", lambda clock: whole_pack(sizes.pack_members, sizes.pack_steps, device))
        part("pack sizes", lambda clock: pack_sizes(sizes, device))
        part("tf32", lambda clock: tf32(sizes, device))
        part("rates", lambda clock: rates(sizes, device, clock))
        # Last: after a profiler launches may take longer.
        part(
            "kernels",
            lambda clock: [
                {
                    "shape": asdict(shape),
                    "members": sizes.members[1],
                    "rows": kernels(shape, sizes.members[1], device),
                }
                for shape in (sizes.shapes[-1], sizes.shapes[len(sizes.shapes) // 3])
            ],
        )
    print("\n".join(markdown(results)))
    return 0 if all(row["right"] for row in results["correctness"]) else 1


if __name__ == "__main__":
    sys.exit(main())
