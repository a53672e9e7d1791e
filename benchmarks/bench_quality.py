"""Quality of search: at equal time against Ray Tune with ASHA, and of TPE against random search.

Equal time: each tool gets the same seconds; its best configuration is then trained again by the
same judge (one_trial.py, three times), and the median nmse counts. dottune's start-up is within
its time, Ray Tune's is not. Equal trials: the same study, 64 trials, with both samplers, judged by
its confirmed nmse.

    python benchmarks/bench_quality.py [--seeds 5] [--seconds 60] [--json FILE]
"""

import argparse
import json
import math
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import search_contenders
import torch
from machine import describe
from one_trial import SPACE, STEPS, train_one

from results import OutputFolder
from search.search_run import SearchRun
from spaces import load_spec
from trainables import train
from trainables.pack_trainable import pack_rows

RUNGS = (STEPS // 8, STEPS // 4, STEPS // 2)
HALVING = {"grace_period": STEPS // 8, "reduction_factor": 2, "min_survivors": 2}


def judged(configuration: dict[str, Any]) -> float:
    """The median nmse of three fresh trainings of a configuration."""
    return statistics.median(train_one(configuration) for _ in range(3))


def dottune_best(trials: int, seed: int) -> tuple[dict[str, Any], float]:
    """The best configuration of `dottune run`, and the seconds that it took, start-up included."""
    spec = search_contenders.spec(
        trials, seed, sampler="tpe", halving=HALVING, confirm={"replicates": 3}
    )
    spec["budget"] |= {"pack_size": 16, "packs_in_flight": search_contenders.CORES}
    with search_contenders.dottune_run(spec) as (out, seconds):
        (row,) = OutputFolder(str(out)).read_summary().to_pylist()
    return {name: row[name] for name in SPACE}, seconds


def ray_tune_best(seconds: float, seed: int) -> tuple[dict[str, Any], int]:
    """The best configuration of Ray Tune with OptunaSearch and ASHA, and its number of trials."""
    import ray
    from ray import tune
    from ray.tune.schedulers import ASHAScheduler
    from ray.tune.search.optuna import OptunaSearch

    if not ray.is_initialized():
        ray.init(num_cpus=search_contenders.CORES, include_dashboard=False, log_to_driver=False)
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
    results = tuner.fit()
    complete = [each for each in results if each.metrics and each.metrics.get("step") == STEPS]
    best = min(complete, key=lambda each: each.metrics["nmse"])
    return dict(best.config), len(results)


def equal_time(seeds: int, seconds: float) -> dict[str, Any]:
    """Both tools for `seconds`, in turn, seed by seed."""
    trials = 256
    _, took = dottune_best(trials, seed=1000)
    rows = []
    for seed in range(seeds):
        trials = max(32, int(trials * 0.95 * seconds / took) // 16 * 16)
        ours, took = dottune_best(trials, seed)
        their_seconds = max(seconds, took)  # never less than dottune had
        theirs, their_trials = ray_tune_best(their_seconds, seed)
        rows.append(
            {
                "dottune": judged(ours),
                "dottune_trials": trials,
                "dottune_seconds": took,
                "Ray Tune": judged(theirs),
                "Ray Tune_trials": their_trials,
                "Ray Tune_seconds": their_seconds,
            }
        )
    return {
        "rows": rows,
        "ratio": statistics.median(row["Ray Tune"] / row["dottune"] for row in rows),
    }


def confirmed(sampler: str, seed: int) -> float:
    """The confirmed nmse of one study of 64 trials, trained in this process."""
    spec = search_contenders.spec(
        64, seed, sampler=sampler, halving=HALVING, confirm={"replicates": 3}
    )
    spec["budget"]["pack_size"] = 16
    run = SearchRun(load_spec(spec))
    while (pack := run.next_pack()) is not None:
        reports = train(pack, device=torch.device("cpu"))
        rows = pack_rows(pack, reports, device="cpu", worker="benchmark")
        run.finish(pack.study, pack.number, rows.trial_rows(), rows.curves)
    (study,) = run.studies.values()
    return statistics.median(row["nmse"] for row in study.trial_rows if row["phase"] == "confirm")


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
        for sampler in ("tpe", "random")
    }
    time_rows = equal_time(arguments.seeds, arguments.seconds)
    print(describe())
    for sampler, each in samplers.items():
        mean = statistics.mean(math.log10(nmse) for nmse in each)
        print(f"{sampler:7} 64 trials: mean log10 of the confirmed nmse {mean:.3f}")
    for row in time_rows["rows"]:
        print(
            f"dottune {row['dottune']:.5f} ({row['dottune_trials']} trials in "
            f"{row['dottune_seconds']:.0f} s), Ray Tune with ASHA {row['Ray Tune']:.5f} "
            f"({row['Ray Tune_trials']} trials in {row['Ray Tune_seconds']:.0f} s)"
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
