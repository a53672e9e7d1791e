"""How reading, resuming and reporting grow with the number of trials.

    python benchmarks/bench_scale.py [--trials 10000 100000 1000000] [--search 100000]

For each number of trials a finished search is made, without training: 8 studies, 4 evaluations of
each trial, rows of the shapes and types that a real search has, in the folder as a real search
leaves it. Then each command runs in a process of its own; seconds are those of the whole process,
memory the most that was resident. With `--search` a real search of as many trials is run (8
studies, the sampler random, two steps a trial), and the most memory that its driver took is told.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import machine
import numpy
import pyarrow as pa
import pyarrow.parquet as pq

from results import CURVES, TRIALS, OutputFolder, summarise
from results.parts import COMPACTED
from results.rows import PackResult, table_of_curves, table_of_trials
from search.planning.search_plan import SearchPlan
from search.planning.study_plan import StudyPlan
from search.saved_search.provenance import command_line, provenance, to_json
from spaces import Spec, load_spec

STUDIES = 8
PACK_SIZE = 64
STEPS = 64
FIRST_RUNG = 8
LOSSES = ("train_loss", "loss", "loss_stderr", "nmse", "nmse_stderr", "nmse_first_rung")
CURVE_LOSSES = ("train_loss_at_step", "loss_at_step", "nmse_at_step")

COMMANDS = {
    "resume": "main('resume', URI)",
    "show": "main('show', URI)",
    "show --best 3": "main('show', URI, '--best', '3')",
    "show --by depth": "main('show', URI, '--by', 'depth')",
    "report": "main('report', URI)",
    "load_study": "from search import load_study\n"
    "assert len(load_study(URI, dimension=1).trials) == TRIALS",
}
_PROCESS = """
import re
from pathlib import Path


def main(*arguments):
    from typer.testing import CliRunner
    from search.commands.cli import application

    done = CliRunner().invoke(application, arguments)
    assert done.exit_code == 0, done.output


CODE
peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())
print(peak[1], file=open(OUT, "w"))
"""


def spec_of(trials: int, **changes: Any) -> Spec:
    """The search of so many trials over all studies."""
    return load_spec(
        {
            "name": "scale",
            "grid": {"dimension": list(range(1, STUDIES + 1))},
            "space": {
                "depth": {"low": 0, "high": 2},
                "width": {"low": 4, "high": 16, "log": True},
                "learning_rate": {"low": 1e-4, "high": 1e-1, "log": True},
            },
            "fixed": {"steps": STEPS, "batch_size": 8},
            "budget": {"trials": trials // STUDIES, "pack_size": PACK_SIZE},
            "sampler": "random",
            "halving": {"grace_period": FIRST_RUNG, "min_survivors": PACK_SIZE},  # nobody leaves
            "confirm": {"replicates": 2},
            **changes,
        }
    )


def make(folder: OutputFolder, spec: Spec) -> None:
    """Write the finished search of a spec, its losses drawn instead of trained."""
    folder.write_text("provenance.json", to_json([_record(spec)]))
    folder.write_text("spec.yaml", spec.to_yaml())
    summaries = []
    root = Path(folder.uri)
    for name in ("trials", "curves"):
        (root / name).mkdir(parents=True)
    with (
        pq.ParquetWriter(root / "trials" / COMPACTED, TRIALS) as trials,
        pq.ParquetWriter(root / "curves" / COMPACTED, CURVES) as curves,
    ):
        plan = SearchPlan(spec)
        for study in sorted(plan.studies):
            rows, points = _made(plan.studies[study])
            _write(trials, rows)
            _write(curves, points)
            summaries.append(summarise(rows))
    folder.write_summary(pa.concat_tables(summaries))


def _record(spec: Spec) -> Any:
    record = provenance(command_line(), spec)
    record["finished_at"] = record["started_at"]
    return record


def _write(writer: pq.ParquetWriter, table: pa.Table) -> None:
    for first in range(0, table.num_rows, 1 << 16):
        writer.write_table(table.slice(first, 1 << 16))


def _made(study: StudyPlan) -> tuple[pa.Table, pa.Table]:
    """All rows of a study: those of one pack really trained, the others made like them."""
    import torch

    from trainables.pack_rows import pack_result
    from trainables.training import train

    pack = study.next_pack()
    assert pack is not None
    reports = train(pack, device=torch.device("cpu"))
    pattern = pack_result(pack, reports, device="cpu", worker="benchmark:1")
    draw = numpy.random.default_rng(0)
    packs = study.spec.budget.trials // PACK_SIZE
    rows, points = zip(*_packs(study, pattern, packs, draw), strict=True)
    trials = pa.concat_tables(rows).combine_chunks()
    curves = pa.concat_tables(points).combine_chunks()
    best = summarise(trials).to_pylist()[0]["best_trial"]
    winner = next(row for row in pattern.trials if row.status == "completed")
    study.restore(trials)
    confirm = study.next_pack()
    assert confirm is not None
    replicates, of_replicates = [], []
    pattern_curve = [point for point in pattern.curves if point.trial == winner.trial]
    chosen = trials.filter(pa.compute.field("trial") == best).to_pylist()[0]
    for member in confirm.members:
        row = replace(
            winner,
            trial=best,
            phase="confirm",
            pack=confirm.number,
            replicate=member.replicate,
            hyperparameters=member.hyperparameters,
            parameters=chosen["parameters"],
            initialisation_seed=member.initialisation_seed,
            data_seed=member.data_seed,
            evaluation_seed=member.evaluation_seed,
        )
        replicates.append(row)
        of_replicates += [
            replace(point, trial=best, phase="confirm", replicate=member.replicate)
            for point in pattern_curve
        ]
    trials = pa.concat_tables([trials, table_of_trials(replicates)])
    curves = pa.concat_tables([curves, table_of_curves(of_replicates)])
    key = ["trial", "phase", "replicate", "steps_factor"]
    return (
        trials.sort_by([(name, "ascending") for name in key]),
        curves.sort_by([(name, "ascending") for name in [*key, "step"]]),
    )


def _packs(
    study: StudyPlan, pattern: PackResult, packs: int, draw: numpy.random.Generator
) -> Iterator[tuple[pa.Table, pa.Table]]:
    trials, curves = table_of_trials(pattern.trials), table_of_curves(pattern.curves)
    began = datetime.now(UTC)
    for number in range(packs):
        first = number * PACK_SIZE
        numbers = range(first, first + PACK_SIZE)
        changes: dict[str, Any] = {
            "trial": [*numbers],
            "pack": [number] * PACK_SIZE,
            "initialisation_seed": study.search_seeds(numbers)["initialisation_seed"],
            "learning_rate": 10 ** draw.uniform(-4, -1, PACK_SIZE),
            "started_at": [began + timedelta(seconds=number)] * PACK_SIZE,
            **{name: _scattered(trials[name], draw) for name in LOSSES},
        }
        of_curves = {name: _scattered(curves[name], draw) for name in CURVE_LOSSES}
        of_curves["trial"] = (curves["trial"].to_numpy() + first).tolist()
        yield _changed(trials, changes), _changed(curves, of_curves)


def _scattered(column: pa.ChunkedArray, draw: numpy.random.Generator) -> pa.ChunkedArray:
    return pa.compute.multiply(column, pa.array(draw.uniform(0.5, 1.0, len(column))))


def _changed(table: pa.Table, changes: dict[str, Any]) -> pa.Table:
    for name, values in changes.items():
        place, field = table.schema.get_field_index(name), table.schema.field(name)
        column = values if isinstance(values, pa.ChunkedArray) else pa.array(values, field.type)
        table = table.set_column(place, field, column)
    return table


def timed(code: str) -> tuple[float, float]:
    """Run Python code in a process: its seconds, and the most memory that it had, in GB."""
    with tempfile.NamedTemporaryFile() as out:
        measured = _PROCESS.replace("CODE", code).replace("OUT", repr(out.name))
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", measured], capture_output=True, text=True, check=False
        )
        seconds = time.perf_counter() - began
        if done.returncode:
            raise SystemExit(done.stdout[-2000:] + done.stderr[-4000:])
        return seconds, int(Path(out.name).read_text()) / 1e6  # from kB


def real_search(trials: int) -> None:
    """Run a search of so many trials, and say what its driver took."""
    with tempfile.TemporaryDirectory() as folder:
        spec = spec_of(
            trials,
            fixed={"steps": 2, "batch_size": 8},
            halving=None,
            confirm=None,
        )
        path = Path(folder, "spec.yaml")
        path.write_text(spec.to_yaml())
        code = (
            f"from search import run_search; result = run_search({str(path)!r}, "
            f"{folder + '/out'!r}); assert not result.failed"
        )
        seconds, gigabytes = timed(code)
        print(
            f"a real search of {trials:,} trials: {seconds:.0f} s from start to report, "
            f"the driver took {gigabytes:.2f} GB"
        )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--trials", type=int, nargs="*", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--search", type=int, default=0)
    options = parser.parse_args()
    print(machine.describe())
    for trials in options.trials:
        spec = spec_of(trials // (STUDIES * PACK_SIZE) * STUDIES * PACK_SIZE)
        with tempfile.TemporaryDirectory() as folder:
            out = OutputFolder(f"{folder}/out")
            make(out, spec)
            sizes = [
                sum(path.stat().st_size for path in Path(out.uri, table).iterdir()) / 1e6
                for table in ("trials", "curves")
            ]
            print(f"{trials:,} trials: {sizes[0]:.0f} MB of trials, {sizes[1]:.0f} MB of curves")
            for name, code in COMMANDS.items():
                filled = code.replace("URI", repr(out.uri)).replace(
                    "TRIALS", str(spec.budget.trials)
                )
                seconds, gigabytes = timed(filled)
                print(f"  {name:14} {seconds:6.1f} s  {gigabytes:5.2f} GB")
    if options.search:
        real_search(options.search)


if __name__ == "__main__":
    main()
