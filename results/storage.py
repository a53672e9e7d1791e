"""Reading and writing whole files in an output folder, each write all or nothing.

A temporary name begins with `_`: readers of Parquet folders skip such files.
"""

import os
import uuid
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.fs

from .location import Location, OutputError, OutputUnavailable, first_line
from .patience import may_pass


class Storage(ABC):
    """The files below one folder, named by relative paths with `/`.

    Errors of the file system come as they are (OSError).
    """

    def __init__(self, filesystem: pyarrow.fs.FileSystem, folder: str) -> None:
        """Take a file system and a folder's path in it."""
        self.filesystem = filesystem
        self._folder = folder

    def path_of(self, name: str) -> str:
        """Return the path of a file as `filesystem` wants it."""
        return f"{self._folder.rstrip('/')}/{name}"

    def is_file(self, name: str) -> bool:
        """Say whether the file exists."""
        found = self.filesystem.get_file_info(self.path_of(name))
        return bool(found.type == pyarrow.fs.FileType.File)

    def present(self, names: Sequence[str]) -> list[str]:
        """Return those of the names that are there, as files or as folders."""
        infos = self.filesystem.get_file_info([self.path_of(name) for name in names])
        found = zip(names, infos, strict=True)
        return [name for name, info in found if info.type != pyarrow.fs.FileType.NotFound]

    def visible_names(self, folder: str) -> list[str]:
        """Return what lies in a folder, sorted, as readers of Parquet folders see it; maybe none.

        They skip what begins with `_` or `.`, and go into folders.
        """
        selector = pyarrow.fs.FileSelector(self.path_of(folder), allow_not_found=True)
        names = (found.base_name for found in self.filesystem.get_file_info(selector))
        return sorted(f"{folder}/{name}" for name in names if not name.startswith(("_", ".")))

    def files_below(self, folder: str) -> list[str]:
        """Return the names of all files below a folder, however deep; maybe none."""
        selector = pyarrow.fs.FileSelector(
            self.path_of(folder), allow_not_found=True, recursive=True
        )
        root = self.path_of("")
        return [
            found.path.removeprefix(root)
            for found in self.filesystem.get_file_info(selector)
            if found.type == pyarrow.fs.FileType.File
        ]

    def read(self, name: str) -> bytes:
        """Return the content of a file."""
        with self.filesystem.open_input_stream(self.path_of(name)) as stream:
            return bytes(stream.read())

    def delete(self, name: str) -> None:
        """Delete a file."""
        self.filesystem.delete_file(self.path_of(name))

    @abstractmethod
    def missing_folders(self) -> list[str]:
        """Return the folders that the first write will make, the innermost first."""

    @abstractmethod
    def delete_empty(self, folders: Sequence[str]) -> None:
        """Delete folders, given by their paths, as far as they are there and hold nothing."""

    @abstractmethod
    def write(self, name: str, content: bytes) -> None:
        """Write a file, in place of an older one; it is seen whole or not at all."""

    @abstractmethod
    def check_writable(self) -> None:
        """Write a file and delete it again."""


class LocalStorage(Storage):
    """A folder of this machine or of a shared file system, made at the first write."""

    def __init__(self, folder: str) -> None:
        """Take an absolute path."""
        super().__init__(pyarrow.fs.LocalFileSystem(), folder)

    def write(self, name: str, content: bytes) -> None:
        """Write under a temporary name beside the file, then rename."""
        path = Path(self.path_of(name))
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f"_{path.name}.{uuid.uuid4().hex}")
        try:
            temporary.write_bytes(content)
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

    def check_writable(self) -> None:
        """Write a file and delete it, and the folders made for it, again."""
        folder = Path(self._folder)
        nearest = next(path for path in [folder, *folder.parents] if path.exists())
        if not nearest.is_dir():
            raise NotADirectoryError(f"{nearest} is a file")
        made = self.missing_folders()
        try:
            probe = f"_writable.{uuid.uuid4().hex}"
            self.write(probe, b"")
            self.delete(probe)
        finally:
            self.delete_empty(made)

    def missing_folders(self) -> list[str]:
        """See `Storage`."""
        folder = Path(self._folder)
        return [str(path) for path in [folder, *folder.parents] if not path.exists()]

    def delete_empty(self, folders: Sequence[str]) -> None:
        """See `Storage`."""
        with suppress(OSError):  # never made, or another process already writes there
            for path in folders:
                Path(path).rmdir()


class ObjectStorage(Storage):
    """A bucket, or a folder of one. A file is one PUT; there are no folders to make."""

    def write(self, name: str, content: bytes) -> None:
        """Write with one request: the store shows the whole object or the old one."""
        with self.filesystem.open_output_stream(self.path_of(name)) as stream:
            stream.write(content)

    def missing_folders(self) -> list[str]:
        """None: a store has no folders."""
        return []

    def delete_empty(self, folders: Sequence[str]) -> None:
        """Nothing: a store has no folders."""

    def check_writable(self) -> None:
        """Write a file and delete it again; pyarrow may leave an empty marker of the folder."""
        if self.filesystem.get_file_info(self._folder).type == pyarrow.fs.FileType.File:
            raise NotADirectoryError(f"{self._folder} is a file")
        probe = f"_writable.{uuid.uuid4().hex}"
        self.write(probe, b"dottune")
        self.delete(probe)


class HadoopStorage(ObjectStorage):
    """A folder of HDFS, where a file is visible while it is being written."""

    def write(self, name: str, content: bytes) -> None:
        """Write under a temporary name beside the file, then rename."""
        folder, _, base_name = name.rpartition("/")
        temporary = f"{folder}/_{base_name}.{uuid.uuid4().hex}".lstrip("/")
        super().write(temporary, content)
        if self.is_file(name):  # HDFS renames onto no existing file
            self.delete(name)
        self.filesystem.move(self.path_of(temporary), self.path_of(name))


def open_storage(location: Location) -> Storage:
    """Connect to the file system of a location, with the environment's credentials."""
    if not location.scheme:
        return LocalStorage(location.path)
    # With delayed opening a small file is one PUT instead of a multipart upload (three requests).
    options = {"s3": "?allow_delayed_open=true", "gs": "", "hdfs": "/"}[location.scheme]
    try:
        filesystem, _ = pyarrow.fs.FileSystem.from_uri(location.root + options)
    except (OSError, pa.ArrowException) as error:
        raise (OutputUnavailable if may_pass(error) else OutputError)(
            f"an output folder must be reachable; got {location.uri} ({first_line(error)}); "
            "check the name, the network and the credentials in the environment"
        ) from error
    if location.scheme == "hdfs":
        return HadoopStorage(filesystem, location.path)
    return ObjectStorage(filesystem, location.path)
