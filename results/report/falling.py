"""Whether the loss still falls where training ended: what was seen, never carried on beyond it."""

import math
from collections.abc import Sequence
from statistics import median

from ..exact_nmse import EXACT_NMSE
from .curve import curves_by_trial
from .findings import Findings
from .loss_text import factor_text, loss_text, value_text
from .outcome import StudyOutcome
from .wording import counted, from_to

_LARGE = 100.0
_FALLING = 1.1
"""A replicate falls still if a doubling of the steps divided its loss by more than this."""


def falling_sentence(findings: Findings) -> str:
    """What more steps did where they were tried, else how the curves end; "" if neither is known.

    Exact studies don't count.
    """
    open_studies = [each for each in findings.outcomes if each.confirmed and not each.exact]
    longer = [each for each in open_studies if each.longer]
    return _longer(findings, longer) if longer else _ends(open_studies)


def fall_per_doubling(outcome: StudyOutcome) -> float | None:
    """What a doubling of the steps divided the nmse by, from the last rung to the end.

    The median of the confirm replicates; None where not each of them fell by more than a tenth.
    """
    rows = [row for row in outcome.curves if row.phase == "confirm" and row.steps_factor == 1]
    factors = []
    for curve in curves_by_trial(rows).values():
        if len(curve) < 2 or curve[-1].nmse == 0:
            return None
        before, end = curve[-2:]
        factors.append((before.nmse / end.nmse) ** (1 / math.log2(end.step / before.step)))
    return median(factors) if factors and min(factors) > _FALLING else None


def _longer(findings: Findings, longer: Sequence[StudyOutcome]) -> str:
    # None where the longer replicates diverged.
    reached = [each for each in longer if each.row["nmse_longer"] is not None]
    fell = [each for each in reached if each.row["nmse_longer"] < _lowest(each)]
    factor = value_text(longer[0].longer[0].steps_factor)
    if not fell:
        return f"{factor} times the steps lower the nmse in no study."
    most = max(fell, key=lambda each: _lowest(each) / max(each.row["nmse_longer"], EXACT_NMSE))
    after = loss_text(most.row["nmse_longer"], most.digits)
    return (
        f"{factor} times the steps lower the nmse further in {counted(len(fell), len(longer))}, "
        f"most at {findings.place(most)}: from {most.reached_text} to {after}."
    )


def _ends(outcomes: Sequence[StudyOutcome]) -> str:
    factors = sorted(filter(None, map(fall_per_doubling, outcomes)))
    if not factors:
        return ""
    return (
        f"Where training ended the loss was still falling in "
        f"{counted(len(factors), len(outcomes), 'studies that are not exact')}: a doubling of the "
        f"steps divided it by {_factors(factors)}, from the averaged weights at the last rung to "
        "the final ones."
    )


def _factors(factors: Sequence[float]) -> str:
    """Where a network just becomes exact the factor is no more than a large number."""
    low, high = map(factor_text, (factors[0], factors[-1]))
    return f"{low} and more" if factors[-1] > _LARGE else from_to([low, high])


def _lowest(outcome: StudyOutcome) -> float:
    assert outcome.reached is not None  # it is confirmed
    return outcome.span[0] if outcome.span else outcome.reached
