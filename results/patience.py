"""Which failures of an output folder may pass, and how long a write is tried again after them."""

import errno
import logging
import math
import os
import random
import re
import time
from collections.abc import Callable

from .location import OutputError, OutputUnavailable

_logger = logging.getLogger(__name__)

LIMIT_VARIABLE = "DOTTUNE_STORE_RETRY_SECONDS"
"""The environment variable that says for how many seconds a write is tried again."""
DEFAULT_LIMIT_SECONDS = 600.0
LONGEST_WAIT_SECONDS = 30.0

_ERRNOS = (
    *(errno.EAGAIN, errno.EIO, errno.ESTALE, errno.ECONNABORTED, errno.ECONNREFUSED),
    *(errno.ECONNRESET, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENETDOWN, errno.ENETRESET),
    *(errno.ENETUNREACH, errno.ENOTCONN, errno.EPIPE, errno.ETIMEDOUT),
)
_S3 = re.compile(r"AWS Error (\w+)(?: \(HTTP status (\d+)\))?")
_S3_CODES = (
    *("INTERNAL_FAILURE", "NETWORK_CONNECTION", "REQUEST_TIMEOUT", "REQUEST_TIME_TOO_SKEWED"),
    *("SERVICE_UNAVAILABLE", "SLOW_DOWN", "THROTTLING"),
)
_HTTP_STATUSES = (408, 429, 500, 502, 503, 504)
_GOOGLE = re.compile(
    r"google::cloud::Status\((UNAVAILABLE|DEADLINE_EXCEEDED|INTERNAL|RESOURCE_EXHAUSTED|ABORTED)\b"
)


def may_pass(error: BaseException) -> bool:
    """Say whether the same request may work a minute later: the network, a store that is away.

    A missing bucket, a refused key and a full disk don't pass by themselves. pyarrow says what a
    store answered in its message alone.
    """
    if isinstance(error, OSError) and error.errno in _ERRNOS:
        return True
    text = str(error)
    if found := _S3.search(text):
        return found[1] in _S3_CODES or (found[2] is not None and int(found[2]) in _HTTP_STATUSES)
    return _GOOGLE.search(text) is not None


class Patience:
    """The time for which one write is tried again, from its first failure on.

    Between two tries it waits, longer each time, up to half a minute. The limit holds for the
    waits: a try itself takes as long as the store's client takes (S3 refused: six seconds).
    """

    def __init__(self) -> None:
        """Read the limit.

        Raises:
            OutputError: the environment variable is no number of seconds.
        """
        self._limit = seconds_setting(LIMIT_VARIABLE, DEFAULT_LIMIT_SECONDS)
        self._began: float | None = None
        self._next_wait = 1.0
        self._random = random.Random()  # so that a hundred workers don't come back at once

    @property
    def seconds(self) -> float:
        """Since the first failure; 0 before it."""
        return 0.0 if self._began is None else time.monotonic() - self._began

    def wait(self) -> bool:
        """Wait before the next try; False, at once, if there is no time for one."""
        if self._began is None:
            self._began = time.monotonic()
        left = self._limit - self.seconds
        if left <= 0:
            return False
        time.sleep(min(left, self._next_wait * self._random.uniform(0.5, 1.0)))
        self._next_wait = min(2 * self._next_wait, LONGEST_WAIT_SECONDS)
        return True


def patiently(write: Callable[[], object]) -> None:
    """Call `write`, which must be repeatable, until it no longer raises OutputUnavailable.

    Raises:
        OutputError: what `write` raises for another reason, or still raises at the limit.
    """
    patience = Patience()
    while True:
        try:
            write()
        except OutputUnavailable as error:
            _logger.warning("%s; trying again for a while", error)
            if not patience.wait():
                raise
        else:
            return


def seconds_setting(variable: str, default: float) -> float:
    """Seconds from the environment.

    Raises:
        OutputError: the variable is no number of seconds.
    """
    text = os.environ.get(variable, "")
    try:
        seconds = float(text) if text else default
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise OutputError(
            f"{variable} must be a number of seconds, 0 or more; got {text!r}; "
            f"leave it out for {default:g}"
        )
    return seconds
