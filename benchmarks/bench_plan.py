"""How many workers a search can use, and what it costs to let it use more.

Utilisation: the order of a search's packs is run against a simulated clock (`dottune plan` does the
same) on 1,000 workers; the packs' times are log-normal around a minute. Quality: real searches, of
the same trials, whose packs are suggested from results that lag more and more behind. A suggestion
goes by the packs that budget.packs_in_flight says, however fast the others were: so the confirmed
nmse is that of a cluster of any size.

    python benchmarks/bench_plan.py [--seeds 5] [--workers 1000] [--json FILE]
"""

import argparse
import json
import math
import random
import statistics
from typing import Any

import search_contenders
from machine import describe

from results import OutputFolder
from search.forecasting.simulation import simulate
from spaces import Spec, load_spec
from trainables import PackKey

PACKS_IN_FLIGHT = (1, 2, 4, 8, 16)
STUDIES = (8, 64, 512)
PACKS = 64
"""Of each study of the simulated searches."""
SPREAD = 0.5
"""Of the logarithm of a pack's time."""
LAGS = (1, 4, 16)
TRIALS, PACK_SIZE = 128, 8
"""Of each study of the real searches."""
HALVING = {"grace_period": 250, "reduction_factor": 2, "min_survivors": 2}


def simulated_spec(studies: int, packs_in_flight: int) -> Spec:
    """A search of so many studies."""
    return load_spec(
        search_contenders.spec(PACKS, 0)
        | {
            "grid": {"dimension": [*range(1, studies + 1)]},
            "sampler": "tpe",
            "budget": {"trials": PACKS, "pack_size": 1, "packs_in_flight": packs_in_flight},
        }
    )


def utilisation(studies: int, packs_in_flight: int, workers: int) -> dict[str, Any]:
    """The share of the workers' time in which they have a pack, and how long the search takes."""
    draw = random.Random(0)
    known: dict[PackKey, float] = {}

    def seconds_of(key: PackKey) -> float:
        return known.setdefault(key, 60.0 * math.exp(draw.gauss(0.0, SPREAD)))

    found = simulate(simulated_spec(studies, packs_in_flight), workers, seconds_of)
    return {
        "studies": studies,
        "packs_in_flight": packs_in_flight,
        "utilisation": found.utilisation(workers),
        "minutes": found.seconds / 60,
        "most_busy": found.most_busy,
    }


def quality(seeds: int, sampler: str, packs_in_flight: int) -> dict[str, Any]:
    """The confirmed nmse of a search with each seed, all in one run."""
    spec = search_contenders.spec(
        TRIALS, 0, sampler=sampler, halving=HALVING, confirm={"replicates": 3}
    )
    del spec["seed"]
    spec["grid"] = {**spec["grid"], "seed": [*range(seeds)]}
    spec["budget"] = {"trials": TRIALS, "pack_size": PACK_SIZE, "packs_in_flight": packs_in_flight}
    with search_contenders.dottune_run(spec) as (out, _):
        rows = OutputFolder(str(out)).read_summary().to_pylist()
    nmse = [row["nmse"] for row in rows]
    return {
        "sampler": sampler,
        "packs_in_flight": packs_in_flight,
        "nmse": nmse,
        "mean_log10": statistics.fmean(map(math.log10, nmse)),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=1000)
    parser.add_argument("--json")
    arguments = parser.parse_args()
    print(describe())

    print(f"\n{PACKS} packs a study, {arguments.workers} workers: utilisation (minutes)")
    print("| packs_in_flight | " + " | ".join(f"{count} studies" for count in STUDIES) + " |")
    print("|---" * (1 + len(STUDIES)) + "|")
    simulated = []
    for in_flight in PACKS_IN_FLIGHT:
        row = [utilisation(count, in_flight, arguments.workers) for count in STUDIES]
        simulated += row
        cells = [f"{each['utilisation']:.1%} ({each['minutes']:.0f})" for each in row]
        print(f"| {in_flight} | " + " | ".join(cells) + " |", flush=True)

    packs = TRIALS // PACK_SIZE
    print(f"\n{TRIALS} trials in {packs} packs, {arguments.seeds} seeds: confirmed nmse")
    print("| sampler | packs_in_flight | nmse of each seed | mean log10 |\n|---|---|---|---|")
    searched = []
    ways = [("tpe", count) for count in LAGS] + [("random", 1)]
    for sampler, in_flight in ways:
        row = quality(arguments.seeds, sampler, in_flight)
        searched.append(row)
        cells = ", ".join(f"{each:.5f}" for each in row["nmse"])
        lag = in_flight if sampler == "tpe" else "-"
        print(f"| {sampler} | {lag} | {cells} | {row['mean_log10']:.3f} |", flush=True)

    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump({"utilisation": simulated, "quality": searched}, file, indent=1)


if __name__ == "__main__":
    main()
