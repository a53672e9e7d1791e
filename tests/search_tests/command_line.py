"""The command line, called in the test's own process."""

from typer.testing import CliRunner, Result

from search.commands.cli import application


def dottune(*arguments: str) -> Result:
    """What a command printed, and how it ended."""
    return CliRunner().invoke(application, [*arguments])
