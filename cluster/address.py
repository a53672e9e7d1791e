"""Addresses that a user gives: of a cluster's dashboard, or of the cluster itself."""

import os
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from .errors import RequestError

ADDRESS_VARIABLES = ("RAY_API_SERVER_ADDRESS", "RAY_ADDRESS")
"""Where Ray looks for the address of a dashboard, in its order."""
DASHBOARD = "http://HEAD:8265"
MEMBER = "HOST:6379"


def dashboard_address(address: str | None, environment: Mapping[str, str] = os.environ) -> str:
    """The address of a dashboard, given or else from the environment: http://HOST[:PORT].

    Raises:
        RequestError: it is none of a dashboard, or there is none. No user name or password in it is
            repeated.
    """
    given = {"--address": address} | {name: environment.get(name) for name in ADDRESS_VARIABLES}
    where, found = next(((name, text) for name, text in given.items() if text), ("", ""))
    if not found:
        raise RequestError(
            "the address of a cluster's dashboard is needed; got none; give --address "
            f"{DASHBOARD}, or set {ADDRESS_VARIABLES[0]}"
        )
    if where == "RAY_ADDRESS" and not re.match("https?://", found, re.IGNORECASE):
        raise RequestError(
            "the address of a cluster's dashboard is needed; got RAY_ADDRESS="
            f"{shown(found)}, the cluster's own; give --address {DASHBOARD}, or set "
            f"{ADDRESS_VARIABLES[0]}, which comes first"
        )
    if not re.match("https?://", found, re.IGNORECASE):
        raise RequestError(
            "the address of a cluster's dashboard must begin with http:// or https://; got "
            f"{shown(found)} in {where}; write {DASHBOARD}"
        )
    fault = _fault(found)
    if fault:
        raise RequestError(
            f"the address of a cluster's dashboard must be {fault}; got {shown(found)} in {where}; "
            f"write {DASHBOARD}"
        )
    scheme, rest = found.split("://", 1)
    return f"{scheme.lower()}://{rest.rstrip('/')}"


def member_address(address: str) -> tuple[str, int] | None:
    """The host and port of a cluster that a driver connects to; None: Ray finds them (`auto`).

    Raises:
        RequestError: it is none. No user name or password in it is repeated.
    """
    if address == "auto":
        return None
    if re.match("https?://", address, re.IGNORECASE):
        raise RequestError(
            f"--address must be HOST:PORT of the cluster (6379, not its dashboard), or auto; got "
            f"{shown(address)}; to run there as a job: "
            f"dottune submit SPEC --out URI --address {shown(address)}"
        )
    host, colon, port = address.rpartition(":")
    plain = re.fullmatch(r"[^\s/@?#]+", host) and re.fullmatch("[0-9]{1,5}", port)
    if not (colon and plain and 0 < int(port) < 65536):
        raise RequestError(
            f"--address must be HOST:PORT, or auto; got {shown(address)}; write {MEMBER}"
        )
    return host.strip("[]"), int(port)


def shown(address: str) -> str:
    """The address as it may be printed: whatever may be a user name or a password is left out.

    >>> shown("http://user:password@head:8265")
    'http://***@head:8265'
    """
    scheme, separator, rest = address.rpartition("://")
    _hidden, at, host = rest.rpartition("@")
    host = re.sub(r"[?#].*", "?***", host, flags=re.DOTALL)
    return "".join((scheme.rpartition("@")[2], separator, "***@" if at else "", host))


def _fault(address: str) -> str | None:
    """What the address must be and is not."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "http://HOST:PORT with a number below 65536 as its port"
    if "@" in address or parts.query or parts.fragment:
        return "without a user name, a password, a query or a fragment (the token is sent anyway)"
    if not host or port == 0 or re.search(r"\s", address):
        return "http://HOST:PORT"
    return None
