"""Long packs, in a real search: killed on the way, they go on from their checkpoint."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pandas
import pytest
import torch

from results import OutputFolder
from search import resume_search, run_search
from search.planning.search_plan import SearchPlan
from tests.faults import workers_of
from tests.search_tests.studies import MEASURED, TINY, tiny
from trainables import Pack
from trainables.checkpoints import EVERY_VARIABLE, Checkpoints
from trainables.pack_rows import PackRows
from trainables.pack_state import PackState
from trainables.training import train

STEPS = 120_000
OVERRIDES = [
    "grid.dimension=[2]",
    "budget.trials=8",
    "budget.pack_size=8",
    "halving=null",
    "confirm=null",
    f"fixed.steps={STEPS}",
    "tensorboard=off",
]
"""A pack of some seconds."""


@pytest.fixture(scope="module")
def undisturbed(two_cpus: None, tmp_path_factory: pytest.TempPathFactory) -> pandas.DataFrame:
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    return run_search("smoke", str(out), overrides=OVERRIDES).trials.drop(columns=MEASURED)


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(EVERY_VARIABLE, "0.2")


@pytest.fixture
def driver(often: None, tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """A search that has written a checkpoint."""
    command = [sys.executable, "-m", "search", "run", "smoke", "--out", str(tmp_path / "out")]
    for override in OVERRIDES:
        command += ["--set", override]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            deadline = time.monotonic() + 120
            while not [*(tmp_path / "out" / "_checkpoints").glob("[!_]*.pt")]:
                assert process.poll() is None, process.communicate()[1]
                assert time.monotonic() < deadline, "no checkpoint is written"
                time.sleep(0.01)  # polled with a limit
            yield process
        finally:
            process.kill()


def test_a_killed_worker_costs_no_more_than_the_last_moments(
    driver: "subprocess.Popen[str]", undisturbed: pandas.DataFrame, tmp_path: Path
) -> None:
    (worker,) = workers_of(driver.pid)
    os.kill(worker, signal.SIGKILL)
    _, errors = driver.communicate(timeout=300)
    assert driver.returncode == 0, errors
    assert "failed, trying again" in errors
    out = tmp_path / "out"
    frame = OutputFolder(out).read_trials().to_pandas()
    pandas.testing.assert_frame_equal(frame.drop(columns=MEASURED), undisturbed)
    assert not (out / "_checkpoints").exists()


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGINT])
def test_a_stopped_search_goes_on_within_its_packs(
    driver: "subprocess.Popen[str]",
    undisturbed: pandas.DataFrame,
    tmp_path: Path,
    stop: signal.Signals,
) -> None:
    driver.send_signal(stop)
    driver.communicate(timeout=60)
    out = tmp_path / "out"
    (checkpoint,) = (out / "_checkpoints").glob("[!_]*.pt")
    done = torch.load(checkpoint, weights_only=True)["state"]["step"]
    assert 0 < done < STEPS
    seconds = torch.load(checkpoint, weights_only=True)["seconds"][0]
    frame = resume_search(str(out)).trials
    ended = datetime.now(UTC)
    pandas.testing.assert_frame_equal(frame.drop(columns=MEASURED), undisturbed)
    assert not (out / "_checkpoints").exists()
    # Its time is that of both workers.
    since = (ended - frame["started_at"].iloc[0]).total_seconds()
    assert seconds < frame["pack_seconds"].iloc[0]
    if stop == signal.SIGINT:  # a killed driver's worker works on for a moment
        assert frame["pack_seconds"].iloc[0] < seconds + since


def test_a_checkpoint_counts_for_its_pack_alone(tmp_path: Path) -> None:
    """Not for a pack of another spec in the same place, nor on another device, nor damaged."""
    spec = tiny(fixed={**TINY["fixed"], "steps": 100}, halving=None)
    pack = SearchPlan(spec).next_pack()
    assert pack is not None
    folder = OutputFolder(tmp_path)

    def rows(device: str = "cpu", of: Pack = pack) -> PackRows:
        return PackRows(
            pack=of, device=device, worker="w", execution=0, started_at=datetime.now(UTC)
        )

    minutes = iter(range(1000))
    now = 0.0
    checkpoints = Checkpoints(folder, rows(), clock=lambda: now)

    def keep(state: Callable[[], PackState]) -> None:
        nonlocal now
        now = 60.0 * next(minutes)
        checkpoints.offer(state)

    for report in train(pack, device=torch.device("cpu"), keep=keep):
        del report
    found = Checkpoints(folder, rows()).load()
    assert isinstance(found, PackState)
    assert found.step == 98  # the last block that ends before the last step: 50 + 3 * 16
    assert Checkpoints(folder, rows("NVIDIA H200")).load() is None
    (file,) = (tmp_path / "_checkpoints").iterdir()
    whole = file.read_bytes()
    other = SearchPlan(tiny(fixed={**TINY["fixed"], "steps": 101}, halving=None)).next_pack()
    assert other is not None
    assert other.key == pack.key
    assert Checkpoints(folder, rows(of=other)).load() is None
    file.write_bytes(whole[: len(whole) // 2])
    assert Checkpoints(folder, rows()).load() is None
    file.write_bytes(b"")
    assert Checkpoints(folder, rows()).load() is None
    (tmp_path / "_checkpoints" / "mine.txt").write_text("theirs")
    folder.delete_checkpoints()
    assert [path.name for path in (tmp_path / "_checkpoints").iterdir()] == ["mine.txt"]
