"""A real TensorBoard server for a test, read over HTTP."""

import json
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from results.rows import TrialRow
from results.tensorboard.trial_runs import HPARAMS

LIMIT_SECONDS = 90.0


class TensorBoard:
    """A running server; what it shows may lag behind the files by some seconds."""

    def __init__(self, url: str) -> None:
        self.url = url

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.url}{path}", timeout=LIMIT_SECONDS) as answer:
            return json.load(answer)

    def hparams(self, call: str, **body: Any) -> Any:
        request = urllib.request.Request(
            f"{self.url}/data/plugin/hparams/{call}",
            data=json.dumps({"experimentName": "", **body}).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=LIMIT_SECONDS) as answer:
            return json.load(answer)

    def columns(self) -> set[str]:
        """The hyperparameters of the HParams tab."""
        return {info["name"] for info in self.hparams("experiment")["hparamInfos"]}

    def sessions(self, columns: set[str]) -> dict[str, Any]:
        """The rows of the HParams tab, by run."""
        metrics = [info["name"] for info in self.hparams("experiment")["metricInfos"]]
        answer = self.hparams(
            "session_groups",
            colParams=[{"hparam": name, "includeInResult": True} for name in sorted(columns)]
            + [{"metric": name, "includeInResult": True} for name in metrics],
            allowedStatuses=[
                "STATUS_UNKNOWN",
                "STATUS_SUCCESS",
                "STATUS_FAILURE",
                "STATUS_RUNNING",
            ],
            startIndex=0,
            sliceSize=100_000,
        )
        return {group["name"]: group for group in answer["sessionGroups"]}

    def scalars(self, run: str, tag: str) -> dict[int, float]:
        """Step to value."""
        points = self.get(f"/data/plugin/scalars/scalars?tag={tag}&run={run}")
        return {step: value for _, step, value in points}


@contextmanager
def tensorboard(log_folder: str | Path, *options: str) -> Iterator[TensorBoard]:
    """Serve a log folder until the block ends."""
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(log_folder)]
    command += ["--host", "127.0.0.1", "--port", "0", "--reload_interval", "1", *options]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    try:
        assert server.stderr is not None
        heard = ""
        for line in server.stderr:
            heard += line
            if found := re.search(r"at (http://127\.0\.0\.1:\d+)", line):
                yield TensorBoard(found[1])
                return
        raise AssertionError(f"TensorBoard did not start: {heard}")
    finally:
        server.terminate()
        server.communicate(timeout=LIMIT_SECONDS)


def eventually(holds: Callable[[], bool]) -> None:
    """Poll until `holds`, at most LIMIT_SECONDS."""
    until = time.monotonic() + LIMIT_SECONDS
    while time.monotonic() < until:
        try:
            if holds():
                return
        except urllib.error.HTTPError:
            pass  # a run or tag that TensorBoard has not loaded yet
        time.sleep(0.2)
    raise AssertionError(f"did not come true within {LIMIT_SECONDS} s: {holds}")


def shown_hparams(row: TrialRow) -> dict[str, Any]:
    """What HParams is to show of a row of trials: what is null in it is left out."""
    return {name: row.column(name) for name in HPARAMS if row.column(name) is not None}
