"""What limits a result: bounds that were hit, and what was not trained, diverged or cut early."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from spaces.vocabulary import FIELDS

from .findings import Findings
from .loss_text import value_text
from .outcome import StudyOutcome
from .reported import Bounds
from .wording import counted, from_to, sentence

_SIDES = {"low": "lower", "high": "upper"}
NEAR = 0.1
"""A winner lies at a bound that is no further away than this share of the range."""


@dataclass(frozen=True, kw_only=True)
class Hit:
    """A winner's value at a bound of what was searched."""

    name: str
    side: str
    """low or high"""
    bound: float
    value: float


def hits_of(outcome: StudyOutcome) -> Iterator[Hit]:
    """Yield the bounds at which a study's winner lies; none of an exact study.

    The width of a linear network is none, and no number can lie below what its hyperparameter
    allows at all (depth 0).
    """
    if not outcome.found or outcome.exact:
        return
    for name, bounds in outcome.study.space.items():
        value = outcome.row[name]
        if bounds is None or value is None or (name == "width" and outcome.row["depth"] == 0):
            continue
        share = share_of_range(value, bounds)
        if share >= 1 - NEAR:
            yield Hit(name=name, side="high", bound=bounds.high, value=value)
        elif share <= NEAR and bounds.low > FIELDS[name].minimum:
            yield Hit(name=name, side="low", bound=bounds.low, value=value)


def share_of_range(value: float, bounds: Bounds) -> float:
    """Where a value lies between its bounds, 0 to 1, by logarithms where they are searched so."""
    if bounds.low == bounds.high:
        return 0.5
    low, high = bounds.low, bounds.high
    if bounds.log:
        value, low, high = math.log(value), math.log(low), math.log(high)
    return (value - low) / (high - low)


def notes(outcome: StudyOutcome, search_replicates: int) -> list[str]:
    """How a study stands, in a few words each."""
    row = outcome.row
    if not outcome.found:
        return ["no trial yet" if row["trials"] == 0 else "no completed trial"]
    found = ["exact"] if outcome.exact else []
    if not outcome.confirmed:
        found.append("unconfirmed")
    elif len(outcome.replicates) < search_replicates:
        found.append(f"{len(outcome.replicates)} of {search_replicates} replicates so far")
    elif not found:
        found.append("confirmed")
    if row["diverged_replicates"]:
        found.append(f"{row['diverged_replicates']} of {len(outcome.replicates)} diverged")
    found += [
        f"{hit.name.replace('_', ' ')} at its {_SIDES[hit.side]} bound" for hit in hits_of(outcome)
    ]
    if stopped_early(outcome):
        found.append("stopped early")
    return found


def stopped_early(outcome: StudyOutcome) -> bool:
    """Whether the best trial ended before its planned steps."""
    return outcome.best is not None and outcome.best.steps < outcome.best.schedule_steps


def limits(findings: Findings) -> list[str]:
    """All that limits a search, a sentence each."""
    lines = [*_hits(findings), *_lacking(findings), *_diverged(findings), *_cut_early(findings)]
    return [sentence(line) for line in lines]


def _hits(findings: Findings) -> Iterator[str]:
    searched = [outcome for outcome in findings.outcomes if outcome.found and not outcome.exact]
    hits: dict[tuple[str, str, float], list[float]] = {}
    for outcome in searched:
        for hit in hits_of(outcome):
            hits.setdefault((hit.name, hit.side, hit.bound), []).append(hit.value)
    for (name, side, bound), values in hits.items():
        where = counted(len(values), len(searched), "studies that are not exact")
        name_text, found = name.replace("_", " "), [value_text(value) for value in sorted(values)]
        lies = f"lies within a tenth of the range from its {_SIDES[side]} bound "
        lies += f"{value_text(bound)} ({from_to(found)})"
        if all(value == bound for value in values):
            lies = f"is its {_SIDES[side]} bound {value_text(bound)}"
        yield (
            f"in {where} the winner's {name_text} {lies}: a search with a "
            f"{'higher' if side == 'high' else 'lower'} space.{name}.{side} may find better"
        )


def _lacking(findings: Findings) -> Iterator[str]:
    begun = [outcome for outcome in findings.outcomes if outcome.row["trials"]]
    without = [outcome for outcome in begun if not outcome.found]
    if without:
        yield f"{_named(findings, without)}: no trial was trained to its last step"
    unconfirmed = [outcome for outcome in begun if outcome.found and not outcome.confirmed]
    if unconfirmed:
        yield (
            f"{_named(findings, unconfirmed)}: unconfirmed, the nmse is the lowest of many trials "
            "and so too low on average"
        )


def _diverged(findings: Findings) -> Iterator[str]:
    lost = [outcome for outcome in findings.outcomes if outcome.row["diverged_replicates"]]
    if lost:
        count = sum(outcome.row["diverged_replicates"] for outcome in lost)
        of = sum(len(outcome.replicates) for outcome in lost)
        yield f"{_named(findings, lost)}: {count} of {of} replicates diverged"
    trials, diverged = (
        sum(outcome.row[name] for outcome in findings.outcomes) for name in ("trials", "diverged")
    )
    if diverged:
        yield f"{diverged:,} of {trials:,} trials diverged"


def _cut_early(findings: Findings) -> Iterator[str]:
    early = [outcome for outcome in findings.outcomes if stopped_early(outcome)]
    if early:
        where = counted(len(early), len(findings.outcomes))
        yield f"the best of {where} stopped early, before its planned steps were done"


def _named(findings: Findings, outcomes: Sequence[StudyOutcome]) -> str:
    """A few studies by name, many by number."""
    if len(outcomes) > 3:
        return counted(len(outcomes), len(findings.outcomes))
    return "; ".join(map(findings.place, outcomes))
