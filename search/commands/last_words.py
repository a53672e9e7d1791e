"""The last words in the terminal: where the report is, what it says first, and what comes next."""

from rich.console import Console

from ..text.plain_text import say
from ..views.report import WrittenReport


def say_last_words(report: WrittenReport) -> None:
    """Print them to standard output."""
    console = Console()
    say(console, f"report   {report.place}")
    say(console, "")
    say(console, report.sentence)
    if report.next_command:
        say(console, f"next: {report.next_command}")
