"""How each study's best trial is trained again: a command to be copied."""

import shlex

from .findings import Findings
from .outcome import StudyOutcome
from .panels import MOST_PANELS
from .tables import command, escaped, folded


def reproducing(findings: Findings) -> str:
    """A command for each study with a best trial."""
    found = [outcome for outcome in findings.outcomes if outcome.found]
    if not found:
        return "<p>No study has a completed trial yet.</p>"
    items = [
        f"<li>{escaped(each.label)}: {command(reproducing_command(findings.search.uri, each))}</li>"
        for each in found
    ]
    text = "<p>Trains the best trial alone, compares, and saves the network.</p>\n"
    if len(items) <= MOST_PANELS:
        return text + _list(items)
    rest = folded(f"{len(items) - MOST_PANELS} more", _list(items[MOST_PANELS:]))
    return text + _list(items[:MOST_PANELS]) + "\n" + rest


def reproducing_command(uri: str, outcome: StudyOutcome) -> str:
    """The command that trains a study's best trial again."""
    arguments = ["dottune", "reproduce", uri, "--study", outcome.study.name]
    return shlex.join([*arguments, "--trial", str(outcome.row["best_trial"])])


def _list(items: list[str]) -> str:
    return f"<ul class=commands>{''.join(items)}</ul>"
