"""A search's report: the page, and its words for the terminal."""

from collections.abc import Sequence
from dataclasses import dataclass

from .conclusion import conclusion
from .findings import Findings, findings_of
from .page import page
from .reported import ReportedSearch
from .reproducing import reproducing_command


@dataclass(frozen=True, kw_only=True)
class Report:
    """What was made of a search."""

    html: str
    """A page that needs nothing but itself."""
    conclusion: Sequence[str]
    """Its sentences, the most important first."""
    reproducing: str
    """The command that trains the winner with the highest loss again; empty without any."""


def make_report(search: ReportedSearch) -> Report:
    """Make the report of a search, finished or not; the same tables give the same report."""
    findings = findings_of(search)
    return Report(
        html=page(findings),
        conclusion=conclusion(findings),
        reproducing=_hardest(findings),
    )


def _hardest(findings: Findings) -> str:
    found = [outcome for outcome in findings.outcomes if outcome.found]
    if not found:
        return ""
    hardest = max(found, key=lambda outcome: outcome.reached or 0.0)
    return reproducing_command(findings.search.uri, hardest)
