"""Whole searches with other tools, and with dottune; each gives trials per second.

Every tool trains the same kind of networks (one_trial.py), drawn at random from the same space by
its own random sampler, without pruning: so each has the same mix of small and large networks to
train, however many trials it gets through. (With TPE the faster tool would train larger ones.)
"""

import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from one_trial import BATCH_SIZE, DIMENSION, SPACE, STEPS, train_one

if TYPE_CHECKING:
    from results.rows import TrialRow

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def spec(trials: int, seed: int, **more: Any) -> dict[str, Any]:
    """dottune's spec of the same search."""
    (shallow, deep), (narrow, wide), (low, high) = SPACE.values()
    return {
        "name": "benchmark",
        "seed": seed,
        "grid": {"dimension": [DIMENSION]},
        "space": {
            "depth": {"low": shallow, "high": deep},
            "width": {"low": narrow, "high": wide, "log": True},
            "learning_rate": {"low": low, "high": high, "log": True},
        },
        "fixed": {"steps": STEPS, "batch_size": BATCH_SIZE},
        "sampler": "random",
        "budget": {"trials": trials, "pack_size": 64},
        "halving": None,
        "confirm": None,
        "tensorboard": "off",
        **more,
    }


@contextmanager
def dottune_run(written: dict[str, Any]) -> Iterator[tuple[Path, float]]:
    """`dottune run` of a spec as a process of its own: its output folder, and its seconds."""
    import yaml

    folder = Path(tempfile.mkdtemp())
    try:
        (folder / "spec.yaml").write_text(yaml.safe_dump(written))
        command = [sys.executable, "-m", "search", "run", str(folder / "spec.yaml")]
        began = time.perf_counter()
        subprocess.run(
            [*command, "--out", str(folder / "out")], check=True, stdout=subprocess.DEVNULL
        )
        yield folder / "out", time.perf_counter() - began
    finally:
        shutil.rmtree(folder)


def dottune(trials: int, seed: int) -> tuple[float, float]:
    """Trials per second: start-up included, and from the first pack's start to the last's end."""
    import pandas

    with dottune_run(spec(trials, seed)) as (out, seconds):
        rows = pandas.read_parquet(out / "trials")
    ends = rows["started_at"] + pandas.to_timedelta(rows["pack_seconds"], unit="s")
    training = (ends.max() - rows["started_at"].min()).total_seconds()
    return trials / seconds, trials / training


def one_study_busy(trials: int, seed: int) -> tuple[float, float]:
    """One study whose packs wait for results: trials per second, and the idlest worker's share.

    The share is of the time from the first pack's start to the last one's end in which a worker
    trained a pack; as many packs are in flight as there are cores.
    """
    import pandas

    budget = {
        "trials": trials,
        "pack_size": 32,
        "startup_packs": CORES,
        "packs_in_flight": CORES,
    }
    with dottune_run(spec(trials, seed, sampler="tpe", budget=budget)) as (out, _):
        rows = pandas.read_parquet(out / "trials")
    packs = rows.drop_duplicates("pack")
    ends = packs["started_at"] + pandas.to_timedelta(packs["pack_seconds"], unit="s")
    training = (ends.max() - packs["started_at"].min()).total_seconds()
    busy = packs.groupby("worker")["pack_seconds"].sum().nlargest(CORES)
    share = busy.min() / training if len(busy) == CORES else 0.0
    return trials / training, share


def ray_space() -> dict[str, Any]:
    """Ray Tune's form of SPACE."""
    from ray import tune

    return {
        "depth": tune.randint(SPACE["depth"][0], SPACE["depth"][1] + 1),
        "width": tune.lograndint(SPACE["width"][0], SPACE["width"][1] + 1),
        "learning_rate": tune.loguniform(*SPACE["learning_rate"]),
    }


def played(written: dict[str, Any]) -> list["TrialRow"]:
    """The rows of a search whose packs are trained one after the other, here, without Ray."""
    import torch

    from search.planning.search_plan import SearchPlan
    from spaces import load_spec
    from trainables import train
    from trainables.pack_rows import pack_result

    torch.set_num_threads(1)
    plan = SearchPlan(load_spec(written))
    rows: list[TrialRow] = []
    while (pack := plan.next_pack()) is not None:
        reports = train(pack, device=torch.device("cpu"))
        result = pack_result(pack, reports, device="cpu", worker="benchmark")
        plan.finish(pack.key, result)
        rows += result.trials
    return rows


def one_core(trials: int, seed: int) -> float:
    """Trials per second of the same packs on one core of this process."""
    began = time.perf_counter()
    played(spec(trials, seed))
    return trials / (time.perf_counter() - began)


@contextmanager
def ray_here() -> Iterator[None]:
    """A Ray of its own, gone before another tool's turn."""
    import ray

    ray.init("local", num_cpus=CORES, include_dashboard=False, log_to_driver=False)
    try:
        yield
    finally:
        ray.shutdown()


def ray_tune(trials: int, *, best: bool) -> float:
    """Ray Tune with OptunaSearch and a function trainable, its start-up left out.

    `best`: one trial a core and reused actors; else as the tutorial shows it.
    """
    import optuna
    from ray import tune
    from ray.tune.search.optuna import OptunaSearch

    folder = str(Path(__file__).parent)

    def trainable(configuration: dict[str, Any]) -> None:
        sys.path.insert(0, folder)
        from one_trial import train_one

        tune.report({"nmse": train_one(configuration)})

    tuner = tune.Tuner(
        trainable,
        param_space=ray_space(),
        tune_config=tune.TuneConfig(
            metric="nmse",
            mode="min",
            search_alg=OptunaSearch(sampler=optuna.samplers.RandomSampler()),
            num_samples=trials,
            **({"max_concurrent_trials": CORES, "reuse_actors": True} if best else {}),
        ),
        run_config=tune.RunConfig(storage_path=tempfile.mkdtemp(), verbose=0),
    )
    with ray_here():
        began = time.perf_counter()
        results = tuner.fit()
        seconds = time.perf_counter() - began
    if results.num_errors:
        raise RuntimeError(f"{results.num_errors} trials failed")
    return trials / seconds


def _optimize(storage: str, trials: int) -> None:
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.load_study(
        study_name="benchmark",
        storage=JournalStorage(JournalFileBackend(storage)),
        sampler=optuna.samplers.RandomSampler(),
    )

    def objective(trial: optuna.Trial) -> float:
        return train_one(
            {
                "depth": trial.suggest_int("depth", *SPACE["depth"]),
                "width": trial.suggest_int("width", *SPACE["width"], log=True),
                "learning_rate": trial.suggest_float(
                    "learning_rate", *SPACE["learning_rate"], log=True
                ),
            }
        )

    study.optimize(objective, n_trials=trials)


def plain_optuna(trials: int) -> float:
    """One process per core on one JournalStorage; the start of the processes is included."""
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    storage = str(Path(tempfile.mkdtemp()) / "journal.log")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    optuna.create_study(study_name="benchmark", storage=JournalStorage(JournalFileBackend(storage)))
    context = multiprocessing.get_context("spawn")
    workers = [
        context.Process(target=_optimize, args=(storage, trials // CORES)) for _ in range(CORES)
    ]
    began = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    seconds = time.perf_counter() - began
    if any(worker.exitcode for worker in workers):
        raise RuntimeError("a process failed")
    return trials // CORES * CORES / seconds
