"""Where a command prints: what was asked for to standard output, all else to standard error."""

from rich.console import Console


class OutputConsole(Console):
    """Standard output. Its reader may have seen enough: `show URI | head -1`."""

    def on_broken_pipe(self) -> None:
        """Leave it to the command how it ends; rich itself would end it as failed."""
        raise BrokenPipeError


class MessageConsole(Console):
    """Standard error. Once nobody reads it any more it is silent, and a search goes on."""

    def __init__(self) -> None:
        """As wide as the terminal, where it is one."""
        super().__init__(stderr=True)

    def on_broken_pipe(self) -> None:
        """Say no more; rich itself would end the process, and standard output with it."""
        self.quiet = True
