"""Trials per second of whole searches: dottune, Ray Tune and plain Optuna on the same cores.

The tools take turns, round by round; ratios are medians over the rounds. dottune's start-up is
included, the others' is not; what dottune reaches from its first pack's start to its last one's end
is shown besides, and so is one core of it without Ray.

    python benchmarks/bench_search.py [--rounds 3] [--json FILE]
"""

import argparse
import json
import statistics

import search_contenders
from machine import describe

DOTTUNE = "dottune"
DOTTUNE_TRIALS, ONE_CORE_TRIALS, OTHER_TRIALS, TUTORIAL_TRIALS = 2048, 512, 64, 12
ONE_STUDY_TRIALS = 1024
"""Trials of each search: enough for a steady rate, in seconds rather than minutes."""


def one_round(number: int) -> dict[str, float]:
    """Trials per second of every tool, one after the other."""
    with_start_up, training = search_contenders.dottune(DOTTUNE_TRIALS, seed=number)
    return {
        DOTTUNE: with_start_up,
        "dottune, its start-up left out": training,
        "dottune on one core, without Ray": search_contenders.one_core(
            ONE_CORE_TRIALS, seed=number
        ),
        "Ray Tune at its best": search_contenders.ray_tune(OTHER_TRIALS, best=True),
        "Ray Tune as in its tutorial": search_contenders.ray_tune(TUTORIAL_TRIALS, best=False),
        "plain Optuna": search_contenders.plain_optuna(OTHER_TRIALS),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json")
    arguments = parser.parse_args()
    rounds = [one_round(number) for number in range(arguments.rounds)]
    rates = {name: [each[name] for each in rounds] for name in rounds[0]}
    ratios = {
        name: statistics.median(a / b for a, b in zip(rates[DOTTUNE], each, strict=True))
        for name, each in rates.items()
    }
    one_study = [
        search_contenders.one_study_busy(ONE_STUDY_TRIALS, seed=number)
        for number in range(arguments.rounds)
    ]
    print(describe())
    for name, each in rates.items():
        print(f"{name:33} {statistics.median(each):7.2f} trials/s   {ratios[name]:6.1f}x")
    for rate, share in one_study:
        print(
            f"one study, TPE, packs of 32: {rate:.1f} trials/s, the idlest worker busy {share:.0%}"
        )
    if arguments.json:
        results = {"machine": describe(), "rates": rates, "ratios": ratios, "one study": one_study}
        with open(arguments.json, "w") as file:
            json.dump(results, file, indent=2)


if __name__ == "__main__":
    main()
