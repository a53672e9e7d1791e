"""Whatever fails beside a search is left out, and the search goes on."""

import logging
from collections.abc import Callable

logger = logging.getLogger(__name__)

FORGIVEN = (Exception, SystemExit)
"""What may come out of a view. SystemExit is rich's answer to a terminal or pipe that is gone. An
interruption is neither."""


class Guard:
    """Takes the first error of a thing, says once that it is left out, and from then on is idle."""

    def __init__(self, subject: str) -> None:
        """Name what is guarded, as the message is to name it."""
        self._subject = subject
        self.given_up = False

    def attempt(self, action: Callable[[], object]) -> None:
        """Do it, unless something failed before."""
        if self.given_up:
            return
        try:
            action()
        except FORGIVEN as error:
            self.given_up = True
            logger.warning(
                "%s failed and is left out from here on (%s: %s); the search goes on",
                self._subject,
                type(error).__name__,
                str(error).partition("\n")[0],
            )
            logger.debug("%s failed", self._subject, exc_info=error)
