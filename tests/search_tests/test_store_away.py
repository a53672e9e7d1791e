"""A search whose object store goes away while it runs, over real HTTP."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest

from results import OutputFolder
from search import run_search
from tests.object_store import ObjectStore, object_store

OVERRIDES = ["fixed.steps=2000", "tensorboard=off", "confirm=null"]
MEASURED = ["started_at", "train_seconds", "pack_seconds", "worker", "execution"]
LIMIT_SECONDS = 120.0


@pytest.fixture(scope="module")
def store() -> Iterator[ObjectStore]:
    with object_store() as store, store.found():
        yield store


class Search:
    """A command of dottune in a process of its own, watched through what it says."""

    def __init__(self, folder: Path, *arguments: str, retry_seconds: float) -> None:
        self._said = folder / "stderr"
        with self._said.open("w") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "search", *arguments],
                env={**os.environ, "DOTTUNE_STORE_RETRY_SECONDS": str(retry_seconds)},
                stdout=subprocess.DEVNULL,
                stderr=stream,
            )

    def __enter__(self) -> "Search":
        return self

    def __exit__(self, *error: object) -> None:
        self.process.kill()
        self.process.wait()

    @property
    def said(self) -> str:
        return self._said.read_text()

    def until(self, happened: Callable[[], bool]) -> None:
        limit = time.monotonic() + LIMIT_SECONDS
        while not happened():
            assert self.process.poll() is None, self.said
            assert time.monotonic() < limit, self.said
            time.sleep(0.05)  # polled with a limit

    def until_it_trains(self) -> None:
        """Until all is written that a search writes before its first pack."""
        self.until(lambda: "workers  " in self.said)

    def until_it_waits(self) -> None:
        self.until(lambda: "waits to be written" in self.said)


def running(*words: str) -> list[str]:
    return [*words, *(part for override in OVERRIDES for part in ("--set", override))]


def test_a_store_that_comes_back_costs_no_pack_and_an_interrupt_is_heard_while_it_is_away(
    two_cpus: None, store: ObjectStore, tmp_path: Path
) -> None:
    out = "s3://bucket/interrupted"
    with Search(tmp_path, *running("run", "smoke", "--out", out), retry_seconds=600) as search:
        search.until_it_trains()
        store.go_away()
        search.until_it_waits()
        search.process.send_signal(signal.SIGINT)
        assert search.process.wait(timeout=20) == 130
        assert "of 16 trials done; go on with `dottune resume s3://bucket/inter" in search.said

    store.come_back()
    with Search(tmp_path, "resume", out, retry_seconds=600) as search:
        search.until_it_trains()
        store.go_away()
        search.until_it_waits()
        assert "(When uploading object" in search.said
        store.come_back()
        assert search.process.wait(timeout=LIMIT_SECONDS) == 0, search.said
        assert "trying again: " not in search.said  # so says a pack that is trained again
        assert "Traceback" not in search.said
    alone = run_search("smoke", str(tmp_path / "alone"), overrides=OVERRIDES)
    found = OutputFolder(out).read_trials().to_pandas()
    pd.testing.assert_frame_equal(found.drop(columns=MEASURED), alone.trials.drop(columns=MEASURED))
    assert len(OutputFolder(out).read_summary()) == 2


def test_a_store_that_stays_away_fails_the_search(store: ObjectStore, tmp_path: Path) -> None:
    out = "s3://bucket/failed"
    with Search(tmp_path, *running("run", "smoke", "--out", out), retry_seconds=1) as search:
        search.until_it_trains()
        store.go_away()
        try:
            assert search.process.wait(timeout=LIMIT_SECONDS) == 1, search.said
        finally:
            store.come_back()
        assert "must be writable; got s3://bucket/failed (When uploading object" in search.said
        assert "are kept: go on with `dottune resume s3://bucket/failed`" in search.said
        assert "Traceback" not in search.said
    assert OutputFolder(out).present(["spec.yaml"])
