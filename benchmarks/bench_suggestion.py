"""Seconds to suggest a pack: dottune's TPE against Optuna's own sampler, and the Gaussian process.

    python benchmarks/bench_suggestion.py [--rounds 5] [--json FILE]

A study of depth, width and learning rate with random outcomes, a fifth of them completed, the
others pruned; a pack of 16 is suggested after so many finished trials. Both samplers of TPE must
suggest the same.
"""

import argparse
import json
import math
import random
import statistics
import time
from collections.abc import Callable
from typing import Any

import optuna
from machine import describe
from one_trial import SPACE
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

from search.planning.optuna_study import quiet_optuna
from search.planning.outcome import Outcome
from search.planning.samplers import SAMPLERS, PackRequest
from search.planning.samplers.tpe_pack import tpe_pack
from spaces import FloatRange, IntRange

FINISHED = (64, 128, 256, 512, 1024, 4096)
FINISHED_FOR_GP = (16, 64, 256, 512)
PACK_SIZE = 16
Rank = tuple[float, float]
"""What a finished trial is judged by: the lower the better."""
DISTRIBUTIONS: dict[str, BaseDistribution] = {
    "depth": IntDistribution(*SPACE["depth"]),
    "learning_rate": FloatDistribution(*SPACE["learning_rate"], log=True),
    "width": IntDistribution(*SPACE["width"], log=True),
}


def histories(count: int) -> tuple[list[dict[str, Any]], list[Rank]]:
    """Parameters and ranks of `count` finished trials."""
    draw = random.Random(count)
    parameters, ranks = [], []
    for _ in range(count):
        parameters.append(
            {
                "depth": draw.randint(*SPACE["depth"]),
                "learning_rate": 10 ** draw.uniform(*map(math.log10, SPACE["learning_rate"])),
                "width": round(10 ** draw.uniform(*map(math.log10, SPACE["width"]))),
            }
        )
        ranks.append(
            (-math.inf if draw.random() < 0.2 else -draw.choice([125, 250]), draw.random())
        )
    return parameters, ranks


def optuna_pack(parameters: list[dict[str, Any]], ranks: list[Rank]) -> list[dict[str, Any]]:
    """The pack by Optuna alone: a study of these trials, and one `ask` after another."""
    trials = [
        create_trial(
            state=TrialState.COMPLETE if step == -math.inf else TrialState.PRUNED,
            value=loss if step == -math.inf else None,
            params=each,
            distributions=DISTRIBUTIONS,
            intermediate_values={} if step == -math.inf else {round(-step): loss},
        )
        for each, (step, loss) in zip(parameters, ranks, strict=True)
    ]
    sampler = optuna.samplers.TPESampler(seed=0, n_startup_trials=0, multivariate=True)
    with quiet_optuna():
        study = optuna.create_study(sampler=sampler)
        study.add_trials(trials)
        return [study.ask(DISTRIBUTIONS).params for _ in range(PACK_SIZE)]


def our_pack(parameters: list[dict[str, Any]], ranks: list[Rank]) -> list[dict[str, Any]]:
    """The pack as a search suggests it."""
    return tpe_pack(
        DISTRIBUTIONS, finished=parameters, ranks=ranks, running=[], size=PACK_SIZE, seed=0
    )


def gp_pack(parameters: list[dict[str, Any]], ranks: list[Rank]) -> list[dict[str, Any]]:
    """The pack by the Gaussian process, told of the same trials."""
    finished = [
        Outcome(
            hyperparameters=each,
            status="completed" if step == -math.inf else "pruned",
            nmse=loss if step == -math.inf else None,
            rungs=() if step == -math.inf else ((round(-step), loss),),
        )
        for each, (step, loss) in zip(parameters, ranks, strict=True)
    ]
    depth, rate, width = SPACE["depth"], SPACE["learning_rate"], SPACE["width"]
    space = {
        "depth": IntRange(low=depth[0], high=depth[1]),
        "learning_rate": FloatRange(low=rate[0], high=rate[1], log=True),
        "width": IntRange(low=width[0], high=width[1], log=True),
    }
    request = PackRequest(
        space=space, first=0, size=PACK_SIZE, seed=0, sequence_seed=0, finished=finished
    )
    return SAMPLERS["gp"](request)


def timed(suggest: Callable[[], list[dict[str, Any]]]) -> tuple[float, list[dict[str, Any]]]:
    """Seconds, and what was suggested."""
    began = time.perf_counter()
    suggested = suggest()
    return time.perf_counter() - began, suggested


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json")
    arguments = parser.parse_args()
    rows = []
    for count in FINISHED:
        history = histories(count)
        ours, theirs = [], []
        for _ in range(arguments.rounds):
            our_seconds, suggested = timed(lambda history=history: our_pack(*history))
            their_seconds, expected = timed(lambda history=history: optuna_pack(*history))
            if suggested != expected:
                raise RuntimeError(f"after {count} trials the two suggest different packs")
            ours.append(our_seconds)
            theirs.append(their_seconds)
        ratio = statistics.median(b / a for a, b in zip(ours, theirs, strict=True))
        rows.append(
            {
                "finished": count,
                "dottune": statistics.median(ours),
                "optuna": statistics.median(theirs),
                "ratio": ratio,
            }
        )
    gp_rows = []
    for count in FINISHED_FOR_GP:
        history = histories(count)
        seconds = [
            timed(lambda history=history: gp_pack(*history))[0] for _ in range(arguments.rounds)
        ]
        gp_rows.append({"finished": count, "gp": statistics.median(seconds)})
    print(describe())
    for row in rows:
        print(
            f"{row['finished']:5} finished: dottune {row['dottune']:.3f} s, "
            f"Optuna {row['optuna']:.3f} s ({row['ratio']:.1f}x)"
        )
    for row in gp_rows:
        print(f"{row['finished']:5} finished: the Gaussian process {row['gp']:.2f} s")
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump({"machine": describe(), "rows": rows, "gp": gp_rows}, file, indent=2)


if __name__ == "__main__":
    main()
