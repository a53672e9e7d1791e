"""How long a table of ratings takes to be read, checked and split, and how much memory.

    python benchmarks/bench_table.py [--ratings 10000000] [--format parquet]

Ratings of 200,000 users, whose ids are texts, of 50,000 items, with times. The memory is the most
that the process had, beside it what it had before; prints one line of JSON.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy
import pandas

from trainables.processor.pack_memory import RATING_BYTES, READING_BYTES
from trainables.ratings import TableReference, read_ratings, split_ratings
from trainables.sources.batches import EVALUATION_CHUNK

USERS, ITEMS = 200_000, 50_000


def main() -> None:
    """Measure in a process of its own, which has not made the table, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ratings", type=int, default=10_000_000, help="rows of the table [10^7]")
    parser.add_argument("--format", default="parquet", help="parquet, csv or tsv.gz [parquet]")
    parser.add_argument("--of", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.of is not None:
        print(json.dumps(measure(arguments.of)))
        return
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / f"ratings.{arguments.format}"
        write(table, arguments.ratings)
        subprocess.run([sys.executable, __file__, "--of", str(table)], check=True)


def write(table: Path, count: int) -> None:
    """Write so many ratings of different pairs."""
    drawn = numpy.random.default_rng(0)
    pairs = numpy.unique(drawn.integers(0, USERS * ITEMS, count + count // 100))
    pairs = drawn.permutation(pairs)[:count]
    frame = pandas.DataFrame(
        {
            "user": [f"user-{number}" for number in pairs // ITEMS],
            "item": pairs % ITEMS,
            "rating": drawn.integers(1, 11, count) / 2,
            "timestamp": drawn.integers(10**9, 2 * 10**9, count),
        }
    )
    if table.suffix == ".parquet":
        frame.to_parquet(table)
    else:
        frame.to_csv(table, index=False, sep="\t" if ".tsv" in table.name else ",")


def measure(table: str) -> dict[str, float]:
    """Seconds and gigabytes of reading a table."""
    before, began = _most_bytes(), time.perf_counter()
    read = read_ratings(TableReference(table=table, timestamp="timestamp"))
    seconds = time.perf_counter() - began
    split_ratings(read, split_seed=None, chunk=EVALUATION_CHUNK)
    return {
        "ratings": len(read),
        "read_seconds": seconds,
        "split_seconds": time.perf_counter() - began - seconds,
        "before_gigabytes": before / 1e9,
        "most_gigabytes": _most_bytes() / 1e9,
        "foretold_gigabytes": len(read) * (RATING_BYTES + READING_BYTES) / 1e9,
    }


def _most_bytes() -> int:
    """The most that this process has had in memory, as Linux counts it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1000 * int(next(line for line in lines if line.startswith("VmHWM")).split()[1])


if __name__ == "__main__":
    main()
