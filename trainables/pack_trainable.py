"""The Ray adapter: one Tune trial trains one pack and writes its rows.

The driver imports it too, to say what workers are to run: torch is imported when a pack begins.
"""

import os
import socket
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import ray
from ray import tune

# Ray names its workers by it, and has no public call and no types for it.
from ray._raylet import setproctitle  # type: ignore[attr-defined]

from results import OutputError, OutputFolder, OutputUnavailable, Patience
from results.rows import PackResult
from spaces.vocabulary import EMBEDDED_DATA

from .pack import Pack

if TYPE_CHECKING:
    import torch

REPORT_SECONDS = 2.0
"""A pack reports to Tune at most so often before it ends: a report costs a round trip."""

TF32_SUFFIX = ", TF32"


class PackTrainable(tune.Trainable):
    """Train the pack of the trial's config, write its rows, report them.

    A pack of which the folder has a checkpoint goes on from there.

    The config holds `pack` (`Pack.to_text`), `title` (what people see the worker do), `out` (the
    output folder's URI), `execution` (what the rows name it) and `cpus` (the threads to use). The
    actor is reused from pack to pack. A report before the last says how far the pack is and holds
    the rows of curves since the report before (`so_far`); the last one holds all rows, as they were
    written (`pack_result`). Both are what `PackResult.to_arrow` gives.

    A store that is away is waited for with the rows at hand; the reports of that time say `waits`:
    why. Rows that can't be written raise nothing, as Tune would train the pack again: the last
    report says `unwritten`, why, in their place.
    """

    def setup(self, config: Mapping[str, Any]) -> None:
        """Begin a pack. Tune calls this in the worker's process."""
        import torch

        from .checkpoints import Checkpoints
        from .pack_rows import PackRows
        from .training import train

        torch.set_num_threads(1)
        self._title = str(config["title"])
        self._folder = OutputFolder(config["out"])
        pack = Pack.from_text(config["pack"])
        # Embeddings are learned on processors, whatever else there is.
        embedded = pack.task.data in EMBEDDED_DATA
        device = torch.device("cpu") if embedded else _device()
        self._rows = PackRows(
            pack=pack,
            device=_device_name(device, pack),
            worker=f"{socket.gethostname()}:{os.getpid()}",
            execution=config["execution"],
            started_at=datetime.now(UTC),
        )
        self._checkpoints = Checkpoints(self._folder, self._rows)
        reports = train(
            pack,
            device=device,
            threads=max(1, int(config["cpus"])),
            begin=self._checkpoints.load(),
            keep=self._checkpoints.offer,
        )
        self._reports = self._checkpoints.guarding(self._rows.collect(reports))
        self._reported = 0
        self._patience = Patience()

    def __repr__(self) -> str:
        """The pack's title: Ray reads it once, so its list of actors shows a worker's first."""
        return self._title

    def reset_config(self, new_config: Mapping[str, Any]) -> bool:
        """Begin another pack in the same actor."""
        self.setup(new_config)
        return True

    def step(self) -> dict[str, Any]:
        """Train until the pack is done, and write its rows; or until REPORT_SECONDS have passed."""
        began = time.monotonic()
        setproctitle(f"ray::{self._title}")
        pack = self._rows.pack
        for report in self._reports:
            if time.monotonic() - began >= REPORT_SECONDS and report.step < pack.steps:
                alive = sum(each.status == "running" for each in report.evaluations)
                if alive:
                    news = PackResult(trials=(), curves=tuple(self._rows.curves[self._reported :]))
                    self._reported = len(self._rows.curves)
                    return {
                        "done": False,
                        "at_step": report.step,
                        "alive": alive,
                        "so_far": news.to_arrow(),
                    }
        return self._write()

    def _write(self) -> dict[str, Any]:
        """Write the pack's rows; where the store is away, wait a while and let Tune call again."""
        result = self._rows.result()
        try:
            self._folder.write_pack(*self._rows.pack.key, result)
        except OutputUnavailable as error:
            if self._patience.wait():
                return {"done": False, "waits": str(error)}
            why = f"{error} (tried again for {self._patience.seconds:.0f} s)"
            return {"done": True, "unwritten": why}
        except OutputError as error:
            return {"done": True, "unwritten": str(error)}
        self._checkpoints.delete()
        return {"done": True, "pack_result": result.to_arrow()}


def _device() -> "torch.device":
    """The GPU that Ray gave this worker, the CPU if it gave none.

    RuntimeError where torch can't use the GPU: the pack would take many times as long without.
    """
    import torch

    granted = ray.get_gpu_ids()
    if not granted:
        return torch.device("cpu")
    if not torch.cuda.is_available():
        visible = os.environ.get("CUDA_VISIBLE_DEVICES")
        raise RuntimeError(
            f"a worker trains on the GPU that Ray gives it; on {socket.gethostname()} it has GPU "
            f"{granted} and torch {torch.__version__} sees none (CUDA_VISIBLE_DEVICES={visible}): "
            "install a torch that is built for this GPU and its driver there, or set "
            "resources.gpus to 0"
        )
    return torch.device("cuda")


def _device_name(device: "torch.device", pack: Pack) -> str:
    """What `device` is in the rows: with TF32 the numbers are others than without."""
    if device.type == "cpu":
        return "cpu"
    import torch

    return torch.cuda.get_device_name(device) + (TF32_SUFFIX if pack.tf32 else "")
