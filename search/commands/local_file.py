"""A file on this machine that a command is told to write."""

from pathlib import Path

from results import OutputError


def check_file(to: str) -> None:
    """See to it, before any work is done, that the file `to` can be written; leave it as it is.

    Raises OutputError where it can't.
    """
    path = Path(to).resolve()  # a link stays one
    existed = path.exists()
    try:
        path.open("ab").close()
        if not existed:
            path.unlink()
    except OSError as error:
        raise not_writable(to, error) from None


def not_writable(to: str, error: Exception) -> OutputError:
    """The refusal of a file, with the reason in `error`."""
    reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
    return OutputError(
        f"--to must be a file that can be written; got {to!r} ({reason}); make its folder, or "
        "choose another --to"
    )
