"""The table below the conclusion: a line for each study."""

from collections.abc import Sequence

from .findings import Findings
from .limits import notes
from .loss_text import factor_text, loss_text, one_notation, value_text
from .outcome import StudyOutcome
from .tables import table
from .wording import from_to

_HEADINGS = ("study", "best trained: nmse", "replicates", "by hand", "trained / by hand")
_TESTED = {"rmse": "test: rmse", "recall_at_10": "recall@10", "ndcg_at_10": "ndcg@10"}
"""What only the test ratings of a table say."""


def study_table(findings: Findings) -> str:
    """Best trained with its replicates, by hand, their ratio, the network and how it stands.

    Beside them what the test ratings of a table say, where there is one.
    """
    outcomes = findings.outcomes
    power = one_notation([each.reached for each in outcomes])
    by_hand_power = one_notation([each.by_hand for each in outcomes])
    tested = [name for name in _TESTED if any(each.row[name] is not None for each in outcomes)]
    rows = [
        [
            outcome.label,
            loss_text(outcome.reached, outcome.digits, power=power),
            _replicates(outcome, power),
            loss_text(outcome.by_hand, power=by_hand_power),
            _ratio(outcome),
            *_tested(outcome, tested),
            outcome.network,
            ", ".join(notes(outcome, findings.search.replicates)),
        ]
        for outcome in outcomes
    ]
    headings = [*_HEADINGS, *(_TESTED[name] for name in tested)]
    return table(
        [*headings, "network", "status"],
        rows,
        numbers=range(1, len(headings)),
        caption="What every study reached",
    )


def _tested(outcome: StudyOutcome, names: Sequence[str]) -> list[str]:
    values = (outcome.row[name] for name in names)
    return ["-" if value is None else value_text(value) for value in values]


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
