"""The benchmark for GPUs runs through on a processor, so that it does at once where a GPU is."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "bench_gpu.py"


@pytest.mark.skipif(not BENCHMARK.exists(), reason="benchmarks are not in this distribution")
def test_every_part_runs_tiny(tmp_path: Path) -> None:
    written = tmp_path / "results.json"
    command = [sys.executable, str(BENCHMARK), "--dry-run", "--json", str(written)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads(written.read_text())
    assert set(results) == {
        "date", "device", "peaks", "correctness", "kernels", "pack", "pack sizes", "tf32", "rates",
    }  # fmt: skip
    assert {row["dtype"] for row in results["correctness"]} == {"torch.float32", "torch.float64"}
    assert all(row["right"] for row in results["correctness"])
    rates = {row["contender"]: row["rate"] for row in results["rates"] if "rate" in row}
    assert {"engine, graph", "engine, eager", "torch.func vmap", "plain torch"} <= set(rates)
    assert min(rates.values()) > 0
    assert results["pack"]["seconds"] > 0
    assert all(table["rows"] for table in results["kernels"])
    assert "| (d, depth, width, batch) | members |" in done.stdout
