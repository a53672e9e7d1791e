"""Who is writing to an output folder: two searches at once would train everything twice.

The holder of the lease renews a file in the folder every few seconds, and deletes it at the end.
Nothing but that file is compared, no clocks: so it works in an object store, and a crash or a
reboot leaves no more than a short wait.
"""

import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Self

from .folder import OutputFolder
from .location import OutputError, OutputUnavailable
from .patience import patiently

NAME = "_lease.json"
RENEW_SECONDS = 5.0
WATCH_SECONDS = 30.0
"""A lease that isn't renewed for so long is nobody's."""
_POLL_SECONDS = 0.5


class OutputInUse(OutputUnavailable):
    """Another process writes to the folder."""


@dataclass(frozen=True, kw_only=True)
class _Holder:
    """What the file says: a process, and how often it has renewed the lease."""

    token: str
    host: str
    process: int
    place: str
    """The boot of the machine and its namespace of processes: where `process` means something."""
    process_began: str
    renewals: int = 0

    @classmethod
    def here(cls) -> Self:
        return cls(
            token=uuid.uuid4().hex,
            host=socket.gethostname(),
            process=os.getpid(),
            place=_place(),
            process_began=_began(os.getpid()),
        )

    @property
    def alive(self) -> bool | None:
        """Whether the process runs; None where this machine can't tell."""
        if not self.place or self.place != _place():
            return None
        return bool(self.process_began) and _began(self.process) == self.process_began

    def __str__(self) -> str:
        return f"process {self.process} on {self.host}"


class Lease:
    """The right to write to a folder, held for the length of a `with` block.

    Should another process take it meanwhile (it may if this one didn't renew it for WATCH_SECONDS,
    as on a laptop that slept), `lost_to` says which, and `when_lost` is called, in a thread.
    """

    def __init__(self, folder: OutputFolder, *, say: Callable[[str], None]) -> None:
        """Hold nothing yet; `say` is told of a wait."""
        self._folder, self._say = folder, say
        self._holder = _Holder.here()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, daemon=True, name="lease")
        self._away = False
        self.lost_to: str | None = None
        self.when_lost: Callable[[], None] = lambda: None

    def __enter__(self) -> Self:
        """Take it.

        Raises:
            OutputInUse: somebody has it.
            OutputError: the folder can't be read or written.
        """
        holder = self._read()
        if holder is not None and self._is_held(holder):
            raise OutputInUse(
                f"one search at a time can write to an output folder; {self._folder.uri} is being "
                f"written by {holder}; wait until it has ended, or stop it"
            )
        patiently(self._write)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Give it back."""
        self._ended.set()
        self._thread.join()
        if self._away:  # to wait for the store would only keep whoever leaves
            return
        with suppress(OutputError):  # nobody renews it any more: that is as good
            if self._is_mine(self._read()):
                self._folder.delete(NAME)

    def _is_held(self, holder: _Holder) -> bool:
        """Whether its process runs; where only its renewals can tell, after watching for some."""
        if holder.alive is not None:
            return holder.alive
        self._say(
            f"{self._folder.uri} may be in use by {holder}: watching for {WATCH_SECONDS:.0f} s "
            "whether it is"
        )
        until = time.monotonic() + WATCH_SECONDS
        while time.monotonic() < until:
            time.sleep(_POLL_SECONDS)
            if (now := self._read()) != holder:
                return now is not None
        return False

    def _keep(self) -> None:
        """Renew it until the end, or until it is another's."""
        while not self._ended.wait(RENEW_SECONDS):
            try:
                holder = self._read()
                if not self._is_mine(holder):
                    self.lost_to = str(holder or "somebody who deleted its lease")
                    self.when_lost()
                    return
                self._write()
                self._away = False
            except OutputError:  # the store is away: for everybody else too
                self._away = True

    def _write(self) -> None:
        self._holder = replace(self._holder, renewals=self._holder.renewals + 1)
        self._folder.write_text(NAME, json.dumps(asdict(self._holder)) + "\n")

    def _is_mine(self, holder: _Holder | None) -> bool:
        return holder is not None and holder.token == self._holder.token

    def _read(self) -> _Holder | None:
        """The file; None if there is none, or none that says who wrote it."""
        if not self._folder.present([NAME]):
            return None
        try:
            return _Holder(**json.loads(self._folder.read_text(NAME)))
        except (ValueError, TypeError) as error:
            if isinstance(error, OutputUnavailable):
                raise
            return None  # deleted meanwhile, or no lease


def _place() -> str:
    """Empty where the system doesn't tell: then nothing is known of a process by its number."""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    return ""


def _began(process: int) -> str:
    """When a process began, in ticks since the boot; empty if there is none that runs."""
    with suppress(OSError):
        # The name that comes first may hold anything, but ends at the last bracket.
        state, *numbers = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        return "" if state in "ZX" else numbers[18]  # one that was killed may not be gone yet
    return ""
