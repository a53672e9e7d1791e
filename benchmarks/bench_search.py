"""Trials per second of whole searches: dottune, Ray Tune and plain Optuna on the same cores.

The tools take turns, round by round; ratios are medians over the rounds. dottune's start-up is
included, the others' is not.

    python benchmarks/bench_search.py [--rounds 3] [--json FILE]
"""

import argparse
import json
import statistics
from collections.abc import Callable

import search_contenders
from machine import describe

TRIALS = {
    "dottune": 2048,
    "Ray Tune at its best": 64,
    "Ray Tune as in its tutorial": 12,
    "plain Optuna": 64,
}
"""Trials of each search: enough for a steady rate, in seconds rather than minutes."""


def contenders(round_number: int) -> dict[str, Callable[[int], float]]:
    """Trials -> trials per second, by name."""
    return {
        "dottune": lambda trials: search_contenders.dottune(trials, seed=round_number),
        "Ray Tune at its best": lambda trials: search_contenders.ray_tune(trials, best=True),
        "Ray Tune as in its tutorial": lambda trials: search_contenders.ray_tune(
            trials, best=False
        ),
        "plain Optuna": search_contenders.plain_optuna,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json")
    arguments = parser.parse_args()
    rates: dict[str, list[float]] = {name: [] for name in TRIALS}
    for round_number in range(arguments.rounds):
        for name, search in contenders(round_number).items():
            rates[name].append(search(TRIALS[name]))
    print(describe())
    ratios = {
        name: statistics.median(a / b for a, b in zip(rates["dottune"], each, strict=True))
        for name, each in rates.items()
    }
    for name, each in rates.items():
        print(f"{name:28} {statistics.median(each):7.2f} trials/s   {ratios[name]:6.1f}x")
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump({"machine": describe(), "rates": rates, "ratios": ratios}, file, indent=2)


if __name__ == "__main__":
    main()
