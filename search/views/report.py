"""The report of a search, written beside its tables or elsewhere."""

from dataclasses import dataclass
from pathlib import Path

from results import OutputError, OutputFolder
from results.report.report import make_report

from ..saved_search.reported_search import reported_search
from ..saved_search.resuming_command import resuming_command

REPORT = "report.html"


@dataclass(frozen=True, kw_only=True)
class WrittenReport:
    """Where a report lies, and what the terminal says of it."""

    place: str
    """A path or a URI."""
    sentence: str
    """The first of its conclusion."""
    next_command: str
    """Empty where there is none."""


def write_report(folder: OutputFolder, to: Path | None = None) -> WrittenReport:
    """Read the search in `folder`, finished or not, and write its report there, or to a file.

    Raises:
        OutputError: no search is there, a file can't be read, or the report can't be written.
    """
    search = reported_search(folder)
    report = make_report(search)
    written = f"{folder.uri}/{REPORT}" if to is None else str(to)
    if to is None:
        folder.write_text(REPORT, report.html)
    elif to.exists() and not to.is_file():  # a device or a pipe, in whose place no file may come
        try:
            to.write_text(report.html, encoding="utf-8")
        except OSError as error:
            raise OutputError(f"{to} can't be written: {error.strerror}") from error
    else:
        file = to.resolve()  # a link stays one
        OutputFolder(file.parent).write_text(file.name, report.html)
    return WrittenReport(
        place=written,
        sentence=report.conclusion[0],
        next_command=resuming_command(folder.uri) if search.missing else report.reproducing,
    )
