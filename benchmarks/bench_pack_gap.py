"""How long a worker waits between two packs, and what Tune keeps on disk for each.

    python benchmarks/bench_pack_gap.py [--packs 300] [--steps 1000]

The gap runs from the end of a pack's training to the start of the next one on the same worker: its
rows are written, reported, taken in by the driver, and the next pack is sent. A search of two
studies of random suggestions on a Ray of this machine; prints a table and one line of JSON.
"""

import argparse
import json
import logging
import tempfile
import threading
from pathlib import Path

import pandas
from rich.console import Console
from rich.table import Table

from search import run_search


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--packs", type=int, default=300, help="per study [300]")
    parser.add_argument("--steps", type=int, default=1000, help="of each pack [1000]")
    arguments = parser.parse_args()
    measured = measure(arguments.packs, arguments.steps)
    table = Table("measure", "value", title="between two packs on a worker")
    for name, value in measured.items():
        table.add_row(name, f"{value:.4g}")
    console = Console()
    console.print(table)
    console.print(json.dumps(measured), soft_wrap=True, highlight=False)


def measure(packs: int, steps: int) -> dict[str, float]:
    """Run `packs` packs a study of `steps` steps; return seconds, shares and bytes."""
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        tempfile.tempdir = folder
        spec = {
            "name": "gap",
            "grid": {"dimension": [2, 4]},
            "space": {"learning_rate": {"low": 1e-3, "high": 1e-1, "log": True}},
            "fixed": {"depth": 1, "width": 16, "steps": steps, "batch_size": 64},
            "sampler": "random",
            "budget": {"trials": 4 * packs, "pack_size": 4},
            "confirm": None,
        }
        with _LargestSize(Path(folder)) as scratch:
            result = run_search(spec, f"{folder}/out", console=Console(quiet=True))
        trials = result.trials
    rows = trials.drop_duplicates(["study", "pack"]).sort_values("started_at")
    gaps = pandas.concat([_gaps(of_worker) for _, of_worker in rows.groupby("worker")])
    span = (rows["started_at"].iloc[-1] - rows["started_at"].iloc[0]).total_seconds()
    return {
        "packs": len(rows),
        "workers": rows["worker"].nunique(),
        "pack_seconds_median": rows["pack_seconds"].median(),
        "gap_seconds_median": gaps.median(),
        "gap_seconds_p90": gaps.quantile(0.9),
        "busy_share": rows["pack_seconds"].sum() / (rows["pack_seconds"].sum() + gaps.sum()),
        "packs_per_second": len(rows) / span,
        "scratch_bytes_per_pack": scratch.largest / len(rows),
    }


def _gaps(rows: pandas.DataFrame) -> pandas.Series:
    """Seconds from the end of each pack of one worker to the start of its next."""
    ends = rows["started_at"] + pandas.to_timedelta(rows["pack_seconds"], unit="s")
    return (rows["started_at"].shift(-1) - ends).dropna().dt.total_seconds()


class _LargestSize:
    """Watches what the driver keeps in its scratch folder while a search runs."""

    def __init__(self, folder: Path) -> None:
        self.largest = 0
        self._folder, self._ended = folder, threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> "_LargestSize":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.5):
            self.largest = max(self.largest, self._size())

    def _size(self) -> int:
        size = 0
        for path in self._folder.glob("dottune-*/**/*"):
            try:
                size += path.stat().st_blocks * 512
            except OSError:  # deleted meanwhile
                continue
        return size


if __name__ == "__main__":
    main()
