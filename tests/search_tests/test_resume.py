"""A search that was stopped in any way and resumed ends up as an undisturbed one."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas
import pytest

from results import OutputFolder
from search import run_search
from spaces import load_spec
from tests.search_tests.studies import MEASURED

OVERRIDES = ["budget.trials=24", "fixed.steps=5000", "sampler=random"]
PARTS = 2 * (6 + 2)  # studies * (search packs + confirm packs)


@pytest.fixture(scope="module")
def undisturbed(two_cpus: None, tmp_path_factory: pytest.TempPathFactory) -> pandas.DataFrame:
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    return run_search("smoke", str(out), overrides=OVERRIDES).trials.drop(columns=MEASURED)


def parts(out: Path) -> dict[str, int]:
    """The parts of the table of trials, and when each was written."""
    return {path.name: path.stat().st_mtime_ns for path in out.glob("trials/[!_]*.parquet")}


def run_until(out: Path, wanted: int) -> str:
    """Run the search in a process of its own, interrupt it once it has `wanted` parts.

    Return what it said.
    """
    command = [sys.executable, "-m", "search", "run", "smoke", "--out", str(out)]
    for override in OVERRIDES:
        command += ["--set", override]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as driver:
        try:
            deadline = time.monotonic() + 120
            while len(parts(out)) < wanted:
                assert driver.poll() is None, driver.communicate()[1]
                assert time.monotonic() < deadline, "the search writes no parts"
                time.sleep(0.01)  # polled with a limit
            driver.send_signal(signal.SIGINT)
            _, errors = driver.communicate(timeout=60)
        finally:
            driver.kill()
    assert driver.returncode == 130, errors
    return errors


def test_a_stopped_search_is_finished_by_the_same_command_again(
    undisturbed: pandas.DataFrame, tmp_path: Path
) -> None:
    """As a job is tried again; the fault battery goes on with `resume`."""
    out = tmp_path / "out"
    errors = run_until(out, 3)
    before = parts(out)
    assert 3 <= len(before) < PARTS
    assert f"of 48 trials done; go on with `dottune resume {out}`" in errors
    assert "Traceback" not in errors
    assert (out / "summary.parquet").exists()
    assert load_spec(out / "spec.yaml") == load_spec("smoke", OVERRIDES)

    result = run_search("smoke", str(out), overrides=OVERRIDES, resume_if_there=True)
    assert result.failed == {}
    pandas.testing.assert_frame_equal(result.trials.drop(columns=MEASURED), undisturbed)
    after = parts(out)
    assert len(after) == PARTS
    assert {name: after[name] for name in before} == before  # not trained again
    assert len(OutputFolder(out).read_summary()) == 2
    first, second = json.loads((out / "provenance.json").read_text())["executions"]
    assert first["finished_at"] is None
    assert second["finished_at"] is not None


def test_two_runs_never_write_to_one_folder(tmp_path: Path) -> None:
    """The second is refused, whatever it wants; the first doesn't notice."""
    out = tmp_path / "out"
    command = [sys.executable, "-m", "search"]
    first = [*command, "run", "smoke", "--out", str(out), "--set", "fixed.steps=40000"]
    with subprocess.Popen(first, stderr=subprocess.PIPE, text=True) as driver:
        try:
            deadline = time.monotonic() + 120
            while not (out / "spec.yaml").exists():
                assert driver.poll() is None, driver.communicate()[1]
                assert time.monotonic() < deadline, "the search doesn't begin"
                time.sleep(0.01)  # polled with a limit
            second = [*command, "resume", str(out)]
            refused = subprocess.run(second, capture_output=True, text=True, timeout=120)
            assert refused.returncode == 1
            message = f"{out} is being written by process {driver.pid} on"
            assert message in refused.stderr
            assert driver.poll() is None
            driver.send_signal(signal.SIGINT)
            _, errors = driver.communicate(timeout=60)
        finally:
            driver.kill()
    assert driver.returncode == 130, errors
    assert not (out / "_lease.json").exists()
