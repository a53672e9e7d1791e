"""Quality of search: at equal time against Ray Tune with ASHA, and of each sampler at equal trials.

Equal time: each tool gets the same seconds; its best configuration is then trained again by the
same judge (one_trial.py, three times), and the median nmse counts. dottune's start-up is within
its time, Ray Tune's is not. Of the same runs: the seconds until a tool had a trial within 10% of
the best trial of either. Equal trials: the same study, 64 trials, with each sampler, judged by its
confirmed nmse.

    python benchmarks/bench_quality.py [--seeds 5] [--seconds 60] [--json FILE]
"""

import argparse
import json
import math
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import search_contenders
import torch
from machine import describe
from one_trial import SPACE, STEPS, train_one

from results import OutputFolder
from spaces.samplers import SAMPLER_NAMES

RUNGS = (STEPS // 8, STEPS // 4, STEPS // 2)
HALVING = {"grace_period": STEPS // 8, "reduction_factor": 2, "min_survivors": 2}


def judged(configuration: dict[str, Any]) -> float:
    """The median nmse of three fresh trainings of a configuration."""
    return statistics.median(train_one(configuration) for _ in range(3))


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a tool found: its best configuration, and the nmse of each completed trial by its end.

    `trials` are all, `seconds` what it took.
    """

    best: dict[str, Any]
    completed: list[tuple[float, float]]
    trials: int
    seconds: float

    def seconds_to(self, nmse: float) -> float:
        """When the first trial was done that is as good as `nmse`; infinite if none is."""
        return min((end for end, found in self.completed if found <= nmse), default=math.inf)


def dottune_best(trials: int, seed: int) -> Outcome:
    """`dottune run`, its start-up included."""
    spec = search_contenders.spec(
        trials, seed, sampler="tpe", halving=HALVING, confirm={"replicates": 3}
    )
    spec["budget"] |= {"pack_size": 16, "packs_in_flight": search_contenders.CORES}
    began = time.time()
    with search_contenders.dottune_run(spec) as (out, seconds):
        (row,) = OutputFolder(str(out)).read_summary().to_pylist()
        rows = OutputFolder(str(out)).read_trials().to_pylist()
    return Outcome(
        best={name: row[name] for name in SPACE},
        completed=[
            (each["started_at"].timestamp() + each["pack_seconds"] - began, each["nmse"])
            for each in rows
            if each["phase"] == "search" and each["status"] == "completed"
        ],
        trials=trials,
        seconds=seconds,
    )


def ray_tune_best(seconds: float, seed: int) -> Outcome:
    """Ray Tune with OptunaSearch and ASHA, its start-up left out."""
    from ray import tune
    from ray.tune.schedulers import ASHAScheduler
    from ray.tune.search.optuna import OptunaSearch

    folder = str(Path(__file__).parent)

    def reporting(configuration: dict[str, Any]) -> None:
        sys.path.insert(0, folder)
        from one_trial import train_one

        final = train_one(
            configuration, lambda step, nmse: tune.report({"nmse": nmse, "step": step}), RUNGS
        )
        tune.report({"nmse": final, "step": STEPS})

    tuner = tune.Tuner(
        reporting,
        param_space=search_contenders.ray_space(),
        tune_config=tune.TuneConfig(
            metric="nmse",
            mode="min",
            search_alg=OptunaSearch(seed=seed),
            scheduler=ASHAScheduler(
                time_attr="step", max_t=STEPS, grace_period=STEPS // 8, reduction_factor=2
            ),
            num_samples=-1,
            time_budget_s=seconds,
            max_concurrent_trials=search_contenders.CORES,
            reuse_actors=True,
        ),
        run_config=tune.RunConfig(storage_path=tempfile.mkdtemp(), verbose=0),
    )
    with search_contenders.ray_here():
        began = time.time()
        results = tuner.fit()
        took = time.time() - began
    complete = [each for each in results if each.metrics and each.metrics.get("step") == STEPS]
    best = min(complete, key=lambda each: each.metrics["nmse"])
    return Outcome(
        best=dict(best.config),
        completed=[(each.metrics["timestamp"] - began, each.metrics["nmse"]) for each in complete],
        trials=len(results),
        seconds=took,
    )


def equal_time(seeds: int, seconds: float) -> dict[str, Any]:
    """Both tools for `seconds`, in turn, seed by seed."""
    ours = dottune_best(256, seed=1000)
    rows = []
    for seed in range(seeds):
        trials = max(32, int(ours.trials * 0.95 * seconds / ours.seconds) // 16 * 16)
        ours = dottune_best(trials, seed)
        theirs = ray_tune_best(max(seconds, ours.seconds), seed)  # no less than dottune had
        near = 1.1 * min(nmse for each in (ours, theirs) for _, nmse in each.completed)
        rows.append(
            {
                name: {
                    "nmse": judged(each.best),
                    "trials": each.trials,
                    "seconds": each.seconds,
                    "seconds_to_near": each.seconds_to(near),
                }
                for name, each in (("dottune", ours), ("Ray Tune with ASHA", theirs))
            }
        )
    return {
        "rows": rows,
        "ratio": statistics.median(
            row["Ray Tune with ASHA"]["nmse"] / row["dottune"]["nmse"] for row in rows
        ),
    }


def confirmed(sampler: str, seed: int) -> float:
    """The confirmed nmse of one study of 64 trials, trained in this process."""
    spec = search_contenders.spec(
        64, seed, sampler=sampler, halving=HALVING, confirm={"replicates": 3}
    )
    spec["budget"]["pack_size"] = 16
    rows = search_contenders.played(spec)
    return statistics.median(row.nmse for row in rows if row.phase == "confirm")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--json")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    samplers = {
        sampler: [confirmed(sampler, seed) for seed in range(arguments.seeds)]
        for sampler in SAMPLER_NAMES
    }
    time_rows = equal_time(arguments.seeds, arguments.seconds)
    print(describe())
    for sampler, each in samplers.items():
        mean = statistics.mean(math.log10(nmse) for nmse in each)
        print(f"{sampler:7} 64 trials: mean log10 of the confirmed nmse {mean:.3f}")
    for row in time_rows["rows"]:
        for name, each in row.items():
            print(
                f"{name:18} {each['nmse']:.5f} ({each['trials']} trials in "
                f"{each['seconds']:.0f} s, near the best after {each['seconds_to_near']:.0f} s)"
            )
    print(f"median ratio of the losses, Ray Tune / dottune: {time_rows['ratio']:.2f}")
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump(
                {"machine": describe(), "samplers": samplers, "equal_time": time_rows},
                file,
                indent=2,
            )


if __name__ == "__main__":
    main()
