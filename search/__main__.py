"""The start of the command line: `dottune`, or `python -m search` where that is not installed."""

import sys

from cluster.job_driver import is_job_driver
from cluster.requirements import missing_requirements
from cluster.signals import INTERRUPTED, Signals


def main() -> None:
    """Run the command line, where this Python has what it needs."""
    signals = Signals()
    signals.install()
    try:
        _command()
    except BaseException as error:
        if not signals.to_leave:
            raise
        signals.leave(_code_after(error))


def _command() -> None:
    if missing := missing_requirements():
        sys.exit(_refusal(missing))
    from .commands.cli import main as command_line

    command_line()


def _code_after(error: BaseException) -> int:
    """The exit code of a command that has ended so; what nobody has told the user yet is told."""
    if isinstance(error, SystemExit) and isinstance(error.code, int):
        return error.code
    if isinstance(error, KeyboardInterrupt):  # the imports take a second
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    sys.excepthook(type(error), error, error.__traceback__)
    return 1


def _refusal(missing: list[str]) -> str:
    """What is missing and the ways out; `sys.exit` prints it and makes the exit code 1."""
    rule = f"error: {sys.executable} lacks what dottune needs: {', '.join(missing)}; "
    if is_job_driver():
        return rule + (
            "submit without --image-has-deps, so that every node installs it, or start Ray on each "
            "node from an environment that has it, whose python comes first on the PATH"
        )
    return rule + "install it (python -m pip install dottune, or make run in a checkout)"


if __name__ == "__main__":
    main()
