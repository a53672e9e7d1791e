"""The last words in the terminal: where the report is, what it says first, and what comes next."""

from ..text.consoles import OutputConsole
from ..text.plain_text import say
from ..views.report import WrittenReport


def say_last_words(report: WrittenReport) -> None:
    """Print them to standard output."""
    console = OutputConsole()
    say(console, f"report   {report.place}")
    say(console, "")
    say(console, report.sentence)
    if report.next_command:
        say(console, f"next: {report.next_command}")
