"""Files of TensorBoard events, written as the search goes: here, or in an object store.

A run is a folder below the log folder; each writer keeps one file in it. TensorBoard reads what has
been added to a file since it last looked.
"""

import io
import logging
import os
import socket
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.summary.writer.record_writer import RecordWriter

from ..location import first_line, parse_location
from ..storage import Storage, open_storage

_logger = logging.getLogger(__name__)

UPLOAD_SECONDS = 10.0
"""An object store gets what is new at most so often: each run that changed is one PUT."""

_REQUESTS_AT_ONCE = 16
_FORMAT = "brain.Event:2"
_OURS = ".dottune"
"""How the names of our event files end, so that no other's is ever deleted."""


class EventFiles(ABC):
    """The event files of one writer below a log folder. Calls come from one thread.

    Errors of the file system come as they are (OSError).
    """

    def __init__(self) -> None:
        """Choose a file name that no other writer of these runs has."""
        self.file_name = (
            f"events.out.tfevents.{int(time.time()):010d}.{socket.gethostname()}.{os.getpid()}"
            f".{time.perf_counter_ns()}{_OURS}"
        )
        self._started: set[str] = set()

    def append(self, run: str, events: Sequence[Event]) -> None:
        """Add events to the file of a run, which is made at its first event.

        The run "" is the log folder itself; a slash in a run's name makes folders.
        """
        if run not in self._started:
            self._started.add(run)
            version = Event(wall_time=events[0].wall_time, file_version=_FORMAT)
            events = [version, *events]
        self._append(run, _records(events))

    @abstractmethod
    def _append(self, run: str, records: bytes) -> None:
        """Add bytes to the file of a run."""

    @abstractmethod
    def clear(self) -> None:
        """Delete the event files of earlier writers below the log folder, and nothing else."""

    @abstractmethod
    def close(self) -> None:
        """See to it that everything is where readers find it; nothing is appended after this."""


class LocalEventFiles(EventFiles):
    """Event files on this machine or on a shared file system; they grow in place."""

    def __init__(self, folder: str) -> None:
        """Take the log folder's absolute path."""
        super().__init__()
        self._folder = Path(folder)

    def _append(self, run: str, records: bytes) -> None:
        path = self._folder / run / self.file_name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as stream:
            stream.write(records)

    def clear(self) -> None:
        """Delete the event files of earlier writers, and the folders that are empty then.

        A link to another folder is not followed.
        """
        for path, _, names in os.walk(self._folder, topdown=False):
            ours = [name for name in names if _is_ours(name)]
            for name in ours:
                Path(path, name).unlink()
            if ours:
                self._remove_empty(Path(path))

    def _remove_empty(self, path: Path) -> None:
        """Remove a folder below the log folder, and those around it, as far as they are empty."""
        with suppress(OSError):  # something else is there
            while path != self._folder:
                path.rmdir()
                path = path.parent

    def close(self) -> None:
        """Nothing: no file stays open."""


class StoredEventFiles(EventFiles):
    """Event files in an object store, where a file can't grow: it is put again, longer.

    A thread of its own uploads the runs that changed, so that the search never waits for the
    store. A store that fails is left alone until the next round, and that is said once.
    """

    def __init__(self, storage: Storage, folder: str) -> None:
        """Take a connected storage and the log folder's path in it."""
        super().__init__()
        self._storage, self._folder = storage, folder
        self._contents: dict[str, bytes] = {}
        self._changed: set[str] = set()
        self._lock = threading.Lock()
        self._closing, self._away = threading.Event(), threading.Event()
        self._said = False
        self._thread = threading.Thread(target=self._upload_often, daemon=True)
        self._thread.start()

    def _append(self, run: str, records: bytes) -> None:
        with self._lock:
            self._contents[run] = self._contents.get(run, b"") + records
            self._changed.add(run)

    def clear(self) -> None:
        """Delete the event files of earlier writers."""
        names = self._storage.files_below(self._folder)
        ours = [name for name in names if _is_ours(name.rpartition("/")[2])]
        with ThreadPoolExecutor(_REQUESTS_AT_ONCE) as pool:
            list(pool.map(self._storage.delete, ours))

    def close(self) -> None:
        """Upload what is new and end the thread."""
        self._closing.set()
        self._thread.join()

    def _upload_often(self) -> None:
        with ThreadPoolExecutor(_REQUESTS_AT_ONCE) as pool:
            while not self._closing.wait(UPLOAD_SECONDS):
                self._upload(pool)
            self._upload(pool)

    def _upload(self, pool: ThreadPoolExecutor) -> None:
        with self._lock:
            changed = {run: self._contents[run] for run in self._changed}
            self._changed.clear()
        self._away.clear()
        failed = {run for run in pool.map(self._put, changed, changed.values()) if run}
        if changed and not failed:
            self._said = False
        with self._lock:
            self._changed |= failed

    def _put(self, run: str, content: bytes) -> str | None:
        """Upload one file; return its run if that failed, or another one has failed before it."""
        if self._away.is_set():
            return run
        try:
            parts = (self._folder, run, self.file_name)
            self._storage.write("/".join(part for part in parts if part), content)
        except OSError as error:
            self._away.set()
            with self._lock:
                said, self._said = self._said, True
            if not said:
                reason = first_line(error)
                _logger.warning("TensorBoard's files can't be stored for now: %s", reason)
            return run
        return None


def open_event_files(uri: str, log_folder: str) -> EventFiles:
    """Open a log folder, named by itself, in the output folder at `uri` for writing."""
    location = parse_location(uri)
    if not location.scheme:
        return LocalEventFiles(f"{location.path}/{log_folder}")
    return StoredEventFiles(open_storage(location), log_folder)


def _is_ours(name: str) -> bool:
    return name.startswith("events.out.tfevents.") and name.endswith(_OURS)


def _records(events: Sequence[Event]) -> bytes:
    stream = io.BytesIO()
    writer = RecordWriter(stream)
    for event in events:
        writer.write(event.SerializeToString())
    return stream.getvalue()
