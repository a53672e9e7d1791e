"""Random faults that happen to a small search, and what they do to its tables.

    python benchmarks/bench_faults.py [--faults 100] [--seed 0]

Each fault is one of those of the tests' battery (tests/faults.py), drawn at random, at a random
moment: killed drivers and workers, signals, a disk that fills up (as root), parts cut off, packs
delivered twice. The search then goes on, as its user would have it, and its tables are compared
with those of an undisturbed search.
"""

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random

import machine

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tests' battery

from results import OutputFolder
from tests.faults import FAULTS, damage, finished


def main() -> None:
    """Print a line for each kind of fault."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--faults", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print(machine.describe())
    names = [name for name in FAULTS if name != "a full disk" or os.geteuid() == 0]
    tried: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    doubled: Counter[str] = Counter()
    changed: Counter[str] = Counter()
    seconds: Counter[str] = Counter()
    random = Random(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        undisturbed = OutputFolder(f"{folder}/undisturbed")
        finished(undisturbed.uri)
        for number in range(options.faults):
            name = random.choice(names)
            scratch = Path(folder, str(number))
            scratch.mkdir()
            began = time.perf_counter()
            FAULTS[name](str(scratch / "out"), scratch, Random(random.randrange(2**32)))
            found = damage(undisturbed, OutputFolder(scratch / "out"))
            tried[name] += 1
            lost[name] += found.lost
            doubled[name] += found.doubled
            changed[name] += found.changed
            seconds[name] += time.perf_counter() - began
            print(f"{number + 1}/{options.faults} {name}: {found}", file=sys.stderr)
    print("| fault | tried | rows lost | rows doubled | rows changed | seconds each |")
    print("|---|---|---|---|---|---|")
    for name in sorted(tried):
        each = seconds[name] / tried[name]
        print(
            f"| {name} | {tried[name]} | {lost[name]} | {doubled[name]} | {changed[name]} "
            f"| {each:.0f} |"
        )
    counts = (sum(each.values()) for each in (tried, lost, doubled, changed))
    print("| all | " + " | ".join(map(str, counts)) + " | |")


if __name__ == "__main__":
    main()
