"""Checkpoints of a long pack in the output folder: a lost worker costs a minute, not the pack."""

import io
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch

from results import OutputError, OutputFolder
from results.patience import seconds_setting
from results.rows import PackResult

from .pack import Pack
from .pack_rows import PackRows
from .pack_state import PackState, StateMismatch
from .training import Report

_logger = logging.getLogger(__name__)

EVERY_VARIABLE = "DOTTUNE_CHECKPOINT_SECONDS"
"""The environment variable that says how often a checkpoint is written at the most."""
DEFAULT_EVERY_SECONDS = 60.0
MOST_SHARE = 0.05
"""Of a pack's time, for writing: where a checkpoint takes seconds they come less often."""


class Checkpoints:
    """Those of one pack: each takes the place of the one before.

    A checkpoint holds tensors, numbers and texts alone, and is loaded as such (`weights_only`). It
    counts where the same pack goes on, on the same kind of device with the same torch.
    """

    def __init__(
        self,
        folder: OutputFolder,
        rows: PackRows,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Of the pack whose rows these are."""
        self._folder, self._rows, self._clock = folder, rows, clock
        self._every = seconds_setting(EVERY_VARIABLE, DEFAULT_EVERY_SECONDS)
        self._next = clock() + self._every
        self._written = False

    def load(self) -> PackState | None:
        """Where an earlier worker was, with its rows taken in; None to train from the start."""
        content = self._read()
        if content is None:
            return None
        self._written = True
        rows = PackResult.from_arrow(content["rows"].numpy().tobytes())
        self._rows.take(rows, seconds=content["seconds"])
        return PackState.from_plain(content["state"])

    def offer(self, state: Callable[[], PackState]) -> None:
        """Write one, if it is time: a `Keep`."""
        began = self._clock()
        if began < self._next:
            return
        content = {
            **self._marks(),
            "state": state().to_plain(),
            "rows": torch.frombuffer(bytearray(self._rows.so_far.to_arrow()), dtype=torch.uint8),
            "seconds": self._rows.seconds,
        }
        buffer = io.BytesIO()
        torch.save(content, buffer)
        try:
            self._folder.write_checkpoint(*self._rows.pack.key, buffer.getvalue())
            self._written = True
        except OutputError as error:  # the store is away: the next one may find it back
            _logger.warning("no checkpoint of %s: %s", self._name, error)
        took = self._clock() - began
        self._next = began + max(self._every, took / MOST_SHARE)

    def guarding(self, reports: Iterator[Report]) -> Iterator[Report]:
        """The same reports; where they can't begin at the checkpoint it goes, for the next try."""
        try:
            yield from reports
        except StateMismatch:
            self.delete()
            raise

    def delete(self) -> None:
        """The pack's rows are written: it is needed no more."""
        if self._written:
            self._folder.delete_checkpoint(*self._rows.pack.key)

    @property
    def _name(self) -> str:
        key = self._rows.pack.key
        return f"{key} of {key.study}"

    def _marks(self) -> dict[str, str]:
        """What a checkpoint must have been written with."""
        pack: Pack = self._rows.pack
        return {
            "pack": repr(pack.to_plain()),
            "device": self._rows.device,
            "torch": str(torch.__version__),
        }

    def _read(self) -> Mapping[str, Any] | None:
        try:
            content = self._folder.read_checkpoint(*self._rows.pack.key)
            if content is None:
                return None
            loaded: dict[str, Any] = torch.load(io.BytesIO(content), weights_only=True)
        except Exception as error:  # whatever a damaged file makes of torch's reader
            reason = str(error).partition("\n")[0]
            _logger.warning("the checkpoint of %s is left aside: %s", self._name, reason)
            return None
        if any(loaded.get(name) != mark for name, mark in self._marks().items()):
            return None
        return loaded
