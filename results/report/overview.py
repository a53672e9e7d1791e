"""What many series have in common, counted: which value is best, in which direction it goes."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from .axis import shown_name
from .findings import Findings, Series
from .outcome import StudyOutcome
from .trend import change
from .wording import listed, sentence


def overview_sentences(findings: Findings) -> list[str]:
    """One or two sentences for more series than can be told one by one."""
    known = [outcome for outcome in findings.outcomes if outcome.reached is not None]
    ranked = sorted(known, key=lambda outcome: outcome.reached or 0.0)
    low, high = ranked[0], ranked[-1]
    span = (
        f"the nmse of the best that was trained lies between {low.reached_text} ({low.label}) "
        f"and {high.reached_text} ({high.label})"
    )
    compared = [series for series in findings.series if _known(series)]
    lead = _directions(findings, compared) if findings.axis.ordered else _best(findings, compared)
    return [sentence(text) for text in (lead, span) if text]


def _known(series: Series) -> bool:
    return sum(outcome.reached is not None for outcome in series.outcomes) > 1


def _best(findings: Findings, compared: Sequence[Series]) -> str:
    """How often each word has the lowest nmse, and how often that is more than noise."""
    # Among exact studies rounding decides.
    compared = [each for each in compared if not all(one.exact for one in _reached(each))]
    if not compared:
        return ""
    wins: Counter[str] = Counter()
    shown = 0
    for series in compared:
        first, *others = sorted(_reached(series), key=lambda outcome: outcome.reached or 0.0)
        wins[findings.short(first)] += 1
        shown += all(change(first, other) == "up" for other in others)
    (name, count), *rest = wins.most_common(3)
    told = [f"{name} in {count} of {len(compared)} comparisons"]
    told += [f"{name} in {count}" for name, count in rest]
    return (
        f"the lowest nmse has {shown_name(findings.axis.name)} = {listed(told)}; in {shown} of the "
        f"{len(compared)} its replicates' range lies below all others"
    )


def _directions(findings: Findings, compared: Sequence[Series]) -> str:
    """In how many series each neighbour's range lies above the one before, or below."""
    found: Counter[str] = Counter()
    for series in compared:
        changes = {change(*pair) for pair in pairwise(_reached(series))}
        found[changes.pop() if len(changes) == 1 else "mixed"] += 1
    if not compared:
        return ""
    name = shown_name(findings.axis.name)
    words = {"up": "grows", "down": "falls"}
    told = [f"{words[kind]} in {found[kind]}" for kind in words if found[kind]]
    rest = found.total() - found["up"] - found["down"]
    if rest:
        told.append(f"does neither throughout in {rest}")
    return (
        f"with {name} the nmse of the best that was trained {listed(told)} of {len(compared)} "
        "series of studies"
    )


def _reached(series: Series) -> list[StudyOutcome]:
    return [outcome for outcome in series.outcomes if outcome.reached is not None]
