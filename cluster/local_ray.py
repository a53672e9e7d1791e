"""Troubles of this machine that keep Ray from starting here, and the variables that help."""

import logging
import os
import secrets
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile

from .errors import RequestError
from .token import default_file, make_token_file, read_token

logger = logging.getLogger(__name__)

SOCKET_BYTES = 103 if sys.platform == "darwin" else 107
"""The longest path of a Unix socket."""
LONGEST_SOCKET = "/ray/session_2026-01-31_23-59-59_999999_4194304/sockets/plasma_store"
"""Below Ray's folder for temporary files: the moment, and the process, up to Linux's largest."""
DASHBOARD_SOCKET = "/pymp-abcdefgh/listener-abcdefgh"
"""Below TMPDIR: of the processes that Ray's dashboard starts with `multiprocessing`."""
SHORT_FOLDER = "/tmp"


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """Something of this machine's environment that Ray would stumble over."""

    subject: str
    text: str
    """What it is and, where there is no cure, what to do."""
    cure: Mapping[str, str] | None = field(default=None, repr=False)
    """Variables with which Ray starts all the same; one may be a new token."""


def troubles() -> Iterator[Trouble]:
    """All that would keep a Ray from starting on this machine as its environment is now.

    Raises:
        RequestError: what stands in the token's place is none.
    """
    for found in (_token_trouble(), _folder_trouble()):
        if found is not None:
            yield found


@contextmanager
def startable() -> Iterator[None]:
    """Get past the troubles for the length of the block, in which Ray is started on this machine.

    Raises:
        RequestError: there is no way past one of them.
    """
    cures: dict[str, str] = {}
    for trouble in troubles():
        if trouble.cure is None:
            raise RequestError(f"Ray can't be started on this machine: {trouble.text}")
        logger.warning("note: %s", trouble.text)
        cures.update(trouble.cure)
    if "RAY_AUTH_TOKEN" not in cures and _wants_token() and read_token() is None:
        make_token_file()
    before = {name: os.environ.get(name) for name in cures}
    os.environ.update(cures)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def ray_folder() -> Path:
    """Where a Ray that is started here puts its sessions and their logs."""
    return Path(os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR") or SHORT_FOLDER) / "ray"


def _wants_token() -> bool:
    return os.environ.get("RAY_AUTH_MODE", "token").lower() == "token"


def _token_trouble() -> Trouble | None:
    if not _wants_token() or read_token() is not None:
        return None
    file = default_file()
    if file is None:
        fault = "HOME is not set"
    elif not _writable(file.parent):
        fault = f"{file.parent} can't be written (HOME is {os.environ['HOME']})"
    else:
        return None
    return Trouble(
        subject="home",
        text=f"{fault}, so that Ray's token lives in this process alone and nobody else can open "
        "its dashboard; set HOME, or RAY_AUTH_TOKEN",
        cure={"RAY_AUTH_TOKEN": secrets.token_hex(32)},
    )


def _folder_trouble() -> Trouble | None:
    """TMPDIR holds the sockets of Ray's dashboard and, without RAY_TMPDIR, all of Ray's files."""
    for variable, longest in _folders().items():
        folder = os.environ[variable]
        fault = _fault(folder, longest)
        if fault is None:
            continue
        text = f"{variable} ({folder}) {fault}"
        # Who has set TMPDIR did not mean Ray; who has set RAY_TMPDIR did.
        if variable == "TMPDIR" and _fault(SHORT_FOLDER, LONGEST_SOCKET) is None:
            text += f", so that Ray uses {SHORT_FOLDER} instead"
            cure = {"TMPDIR": SHORT_FOLDER}
            return Trouble(subject="temporary files", text=text, cure=cure)
        text += f"; name another folder in {variable}, such as {SHORT_FOLDER}"
        return Trouble(subject="temporary files", text=text)
    return None


def _folders() -> dict[str, str]:
    """The variables that name folders for temporary files, with the longest socket below each."""
    if os.environ.get("RAY_TMPDIR"):
        longest = {"RAY_TMPDIR": LONGEST_SOCKET, "TMPDIR": DASHBOARD_SOCKET}
    else:
        longest = {"TMPDIR": LONGEST_SOCKET}
    return {name: path for name, path in longest.items() if os.environ.get(name)}


def _fault(folder: str, longest_socket: str) -> str | None:
    most = SOCKET_BYTES - len(longest_socket)
    length = len(os.fsencode(os.path.abspath(folder)))
    if length > most:
        return f"is {length} bytes long, and Ray's sockets leave room for {most}"
    return None if _writable(Path(folder)) else "can't be written"


def _writable(folder: Path) -> bool:
    """Whether files can be made in the folder, or in the nearest above it where there is none."""
    place = next(each for each in (folder, *folder.absolute().parents) if os.path.lexists(each))
    try:
        with TemporaryFile(dir=place):
            return True
    except OSError:
        return False
