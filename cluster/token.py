"""The token of a cluster: taken from where Ray takes it, never shown, never sent elsewhere."""

import logging
import os
import secrets
import shlex
import stat
from dataclasses import dataclass, field
from pathlib import Path

from .errors import RequestError

logger = logging.getLogger(__name__)

TOKEN_HINT = "give the cluster's token in RAY_AUTH_TOKEN, RAY_AUTH_TOKEN_PATH or ~/.ray/auth_token"
"""The next step of every message about a token."""


@dataclass(frozen=True, kw_only=True)
class Token:
    """A token and where it was found; nothing prints `value`."""

    value: str = field(repr=False)
    variable: str | None = None
    """The environment variable that holds the token, or its file's path."""
    file: Path | None = None

    @property
    def source(self) -> str:
        """Where the token was found, in words."""
        if self.variable and self.file:
            return f"{self.variable} ({self.file})"
        return self.variable or str(self.file)

    @property
    def exposed(self) -> str | None:
        """The warning that others can read the token's file; None if they can't."""
        if self.file is None or not self.file.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
            return None
        command = f"chmod 600 {shlex.quote(str(self.file))}"
        return f"others can read the token in {self.file}; write: {command}"


def read_token() -> Token | None:
    """The token that Ray finds in this process, in Ray's order; None if there is none.

    Raises:
        RequestError: what is there is no token; the message never repeats any of it.
    """
    if value := os.environ.get("RAY_AUTH_TOKEN"):
        return Token(value=_checked(value, "RAY_AUTH_TOKEN"), variable="RAY_AUTH_TOKEN")
    if path := os.environ.get("RAY_AUTH_TOKEN_PATH"):
        return _from_file(Path(path), variable="RAY_AUTH_TOKEN_PATH")
    file = default_file()
    return _from_file(file) if file is not None and _is_file(file) else None


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a HOME that this user can't enter
        return False


def default_file() -> Path | None:
    """Where Ray keeps a token of its own; None without a HOME."""
    home = os.environ.get("HOME")
    return Path(home) / ".ray" / "auth_token" if home else None


def authenticate() -> None:
    """Turn Ray's token authentication on where there is a token; to be called before Ray is used.

    Ray reads the mode when it is imported. RAY_AUTH_MODE, where it is set, is left as it is.

    Raises:
        RequestError: what stands in the token's place is none.
    """
    token = read_token()
    if token is None:
        return
    if token.exposed:
        logger.warning("warning: %s", token.exposed)
    os.environ.setdefault("RAY_AUTH_MODE", "token")


def make_token_file() -> None:
    """Write a new token where Ray looks for one, for the user's eyes alone.

    (Ray itself would let the umask decide who can read it.) A file that is there is left alone.

    Raises:
        OSError: it can't be written, or there is no HOME.
    """
    file = default_file()
    if file is None:
        raise FileNotFoundError("HOME is not set")
    file.parent.mkdir(mode=0o700, exist_ok=True)
    draft = file.with_name(f"_auth_token.{secrets.token_hex(8)}")
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as written:
            written.write(secrets.token_hex(32))
        try:
            os.link(draft, file)  # whole or not at all, and never over another process's
        except FileExistsError:
            pass
        except OSError:  # a file system without links
            if not file.exists():
                os.replace(draft, file)
    finally:
        draft.unlink(missing_ok=True)


def _from_file(file: Path, variable: str | None = None) -> Token:
    where = f"{variable} ({file})" if variable else str(file)
    try:
        content = file.read_bytes()
    except OSError as error:
        raise RequestError(
            f"the token's file must be readable; got {where}: {error.strerror}; "
            f"correct the path or its permissions, or {TOKEN_HINT}"
        ) from error
    line = content.partition(b"\n")[0].decode("latin-1")  # Ray reads no further
    return Token(value=_checked(line, where), variable=variable, file=file)


def _checked(text: str, where: str) -> str:
    """The token in `text`, without the white space around it, as Ray reads it."""
    value = text.strip(" \t\r\n\v\f")
    if not value:
        fault = "nothing but white space" if text else "nothing"
    elif len(value.split()) > 1:
        fault = "several words or lines"
    elif not (value.isascii() and value.isprintable()):
        fault = "other characters"
    else:
        return value
    raise RequestError(
        f"a token must be one word of printable ASCII characters; {where} holds {fault} "
        "(not shown); write the token there and nothing else"
    )
