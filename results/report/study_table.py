"""The table below the conclusion: a line for each study."""

from .findings import Findings
from .limits import notes
from .loss_text import factor_text, loss_text, one_notation
from .outcome import StudyOutcome
from .tables import table
from .wording import from_to

_HEADINGS = (
    *("study", "best trained: nmse", "replicates", "by hand", "trained / by hand", "network"),
    "status",
)


def study_table(findings: Findings) -> str:
    """Best trained with its replicates, by hand, their ratio, the network and how it stands."""
    outcomes = findings.outcomes
    power = one_notation([each.reached for each in outcomes])
    by_hand_power = one_notation([each.by_hand for each in outcomes])
    rows = [
        [
            outcome.label,
            loss_text(outcome.reached, outcome.digits, power=power),
            _replicates(outcome, power),
            loss_text(outcome.by_hand, power=by_hand_power),
            _ratio(outcome),
            outcome.network,
            ", ".join(notes(outcome, findings.search.replicates)),
        ]
        for outcome in outcomes
    ]
    return table(_HEADINGS, rows, numbers=(1, 2, 3, 4), caption="What every study reached")


def _replicates(outcome: StudyOutcome, power: bool) -> str:
    if outcome.span is None or outcome.exact:
        return str(len(outcome.replicates) or "-")
    ends = [loss_text(end, outcome.digits, power=power) for end in outcome.span]
    return f"{len(outcome.replicates)}: {from_to(ends)}"


def _ratio(outcome: StudyOutcome) -> str:
    reached, by_hand = outcome.reached, outcome.by_hand
    if reached is None or not by_hand or outcome.exact or reached == float("inf"):
        return "-"
    return factor_text(reached / by_hand)
