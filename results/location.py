"""Where an output folder lies: a local path, or a plain URI of an object store or HDFS."""

import os
import re
from dataclasses import dataclass

_STORES = ("s3", "gs", "hdfs")
_URI = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
_SLASHES_FORGOTTEN = re.compile(r"(?:s3|gs|hdfs|file):", re.IGNORECASE)


class OutputError(ValueError):
    """An output folder can't be used; the message says the rule, the value and the next step."""


class OutputUnavailable(OutputError):
    """An output folder can't be used just now, as a store or the network is away."""


@dataclass(frozen=True, kw_only=True)
class Location:
    """A place that can be written to.

    Attributes:
        uri: What a user would type to name the place: an absolute path or a URI.
        scheme: "" for a local path, else "s3", "gs" or "hdfs".
        root: "" for a local path, else the scheme and the bucket or host: "s3://bucket".
        path: The path as `pyarrow.fs` wants it: "/folder" locally, "bucket/folder" in a store.
    """

    uri: str
    scheme: str
    root: str
    path: str


def parse_location(uri: str | os.PathLike[str]) -> Location:
    """Read a local path (`~` is expanded) or a plain s3://, gs:// or hdfs:// URI.

    The part of a URI after the bucket is taken literally: nothing in it is percent-decoded.

    Raises:
        OutputError: for an empty name, another scheme, no bucket, or a URI that holds user info,
            a query or a fragment. No credential appears in the message.
    """
    text = os.fspath(uri)
    match = _URI.fullmatch(text)
    if match:
        return _parse_uri(match[1].lower(), match[2])
    if not text or "\0" in text or _SLASHES_FORGOTTEN.match(text):
        raise _unknown(text)
    path = os.path.abspath(os.path.expanduser(text))
    return Location(uri=path, scheme="", root="", path=path)


def first_line(error: Exception) -> str:
    """Return the reason in an error; pyarrow's may go on for a hundred lines."""
    return str(error).partition("\n")[0]


def _parse_uri(scheme: str, rest: str) -> Location:
    text = f"{scheme}://{rest}"
    authority, _, path = rest.partition("/")
    path = path.strip("/")
    if scheme not in _STORES:
        raise _unknown(text)
    # A secret key may itself hold a slash, which leaves "KEY:SECR" in the authority.
    if "@" in authority or re.search(r"[?#]", rest) or (scheme != "hdfs" and ":" in authority):
        raise OutputError(
            "a URI of an output folder must hold no credentials, port, query or fragment; "
            f"got {_masked(text)}; give them in the environment "
            "(AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT_URL, ...)"
        )
    if scheme != "hdfs" and not authority:
        raise OutputError(
            f"a URI of an output folder must name a bucket; got {text}; write {scheme}://bucket/path"
        )
    root = f"{scheme}://{authority}"
    inside = f"/{path}" if scheme == "hdfs" else f"{authority}/{path}".rstrip("/")
    return Location(uri=f"{root}/{path}".rstrip("/"), scheme=scheme, root=root, path=inside)


def _unknown(text: str) -> OutputError:
    return OutputError(
        "an output folder is a local path or an s3://, gs:// or hdfs:// URI; "
        f"got {_masked(text) or 'an empty name'}; write runs/name or s3://bucket/path"
    )


def _masked(text: str) -> str:
    """Return `text`, or its scheme alone if anything in the rest may be a credential."""
    scheme = re.match(r"(?:[A-Za-z][A-Za-z0-9+.-]*:(?://)?)?", text)
    prefix = scheme[0] if scheme else ""
    return f"{prefix}***" if re.search(r"[@?#:]", text[len(prefix) :]) else text
