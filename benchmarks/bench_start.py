"""How long `dottune run smoke` takes until its first pack begins, and from its last one to the end.

The commands of several checkouts take turns; the least of the rounds counts. One study with one
pack in flight follows, for the CPUs of a worker: seconds from its first pack's start to its last
one's end.

    python benchmarks/bench_start.py [--rounds 5] [CHECKOUT ...]     (default: this one)
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas
import yaml
from machine import describe
from search_contenders import spec

COLUMNS = ("first pack after", "end after the last", "in all", "one study, packs one by one")


def run(checkout: Path, searched: str) -> tuple[float, float, float, float]:
    """One search: seconds to its first pack, from its last one, in all, and between the two."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "search", "run", searched, "--out", f"{folder}/out"]
        environment = {**os.environ, "PYTHONPATH": str(checkout)}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        began = time.time()
        subprocess.run(command, cwd=checkout, env=environment, check=True, capture_output=True)
        ended = time.time()
        rows = pandas.read_parquet(f"{folder}/out/trials")
    ends = rows["started_at"] + pandas.to_timedelta(rows["pack_seconds"], unit="s")
    first, last = rows["started_at"].min().timestamp(), ends.max().timestamp()
    return first - began, ended - last, ended - began, last - first


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    here = Path(__file__).parents[1]
    parser.add_argument("checkouts", nargs="*", type=Path, default=[here])
    arguments = parser.parse_args()
    one_study = spec(128, 0, sampler="tpe", budget={"trials": 128, "pack_size": 32})
    measured: dict[Path, list[tuple[float, ...]]] = {each: [] for each in arguments.checkouts}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "one-study.yaml"
        file.write_text(yaml.safe_dump(one_study))
        for _ in range(arguments.rounds):
            for checkout, rounds in measured.items():
                *start, _packs = run(checkout.resolve(), "smoke")
                rounds.append((*start, run(checkout.resolve(), str(file))[3]))
    print(describe())
    print(" " * 30, *(f"{column:>28}" for column in COLUMNS))
    for checkout, rounds in measured.items():
        least = (min(each) for each in zip(*rounds, strict=True))
        print(f"{checkout!s:30}", *(f"{seconds:26.2f} s" for seconds in least))


if __name__ == "__main__":
    main()
