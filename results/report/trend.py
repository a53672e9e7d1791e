"""How the loss changes along the main axis, in a sentence: no more than the ranges show."""

from collections.abc import Sequence
from itertools import pairwise

from ..span import Change, span_change
from .axis import shown_name
from .findings import Findings, Series
from .loss_text import factor_text
from .outcome import StudyOutcome
from .wording import listed, reached_with_range, sentence

_REACHED = "the nmse of the best that was trained"
_DOUBTS: dict[Change, str] = {
    "overlap": "the replicates' ranges overlap",
    "unknown": "fewer than two replicates",
}

_MOST_NAMED = 6
"""More pairs of neighbours than these are counted."""

Pair = tuple[StudyOutcome, StudyOutcome]


def change(before: StudyOutcome, after: StudyOutcome) -> Change:
    """Compare two studies by the ranges of their replicates; exact ones are equal."""
    return span_change(before.span, after.span)


def series_sentence(findings: Findings, series: Series) -> str:
    """What a series shows: a trend over numbers, the best of words; "" where nothing is known."""
    known = [outcome for outcome in series.outcomes if outcome.reached is not None]
    if not known:
        return ""
    if len(known) == 1:
        rest = f"at {findings.at(known[0])} the best that was trained {_came_to(known[0])}"
    elif findings.axis.ordered:
        rest = _trend(findings, known)
    else:
        rest = _best_of(findings, known)
    return sentence(f"{series.words} {rest}".strip())


def _came_to(outcome: StudyOutcome) -> str:
    if _reached(outcome) == float("inf"):
        return f"diverged in most of its {len(outcome.replicates)} replicates"
    return f"reached nmse {reached_with_range(outcome)}"


def _trend(findings: Findings, known: Sequence[StudyOutcome]) -> str:
    changes = [(change(*pair), pair) for pair in pairwise(known)]
    directions = {found for found, _ in changes} & {"up", "down"}
    name, ends = shown_name(findings.axis.name), (known[0], known[-1])
    in_all = change(*ends)
    if not directions and in_all in ("up", "down"):
        comparative = "higher" if in_all == "up" else "lower"
        text = f"{_REACHED} is {comparative} at the last {name} than at the first: "
        text += _values(findings, ends)
    elif not directions:
        text = f"no change of {_REACHED} with {name} is shown: {_values(findings, ends)}"
    elif directions != {in_all if in_all != "unknown" else _of_medians(*ends)}:
        # Both, or steps one way that the others undo.
        ends = (min(known, key=_reached), max(known, key=_reached))
        text = f"{_REACHED} neither grows nor falls with {name} throughout: it is lowest and "
        text += f"highest with {_values(findings, ends)}"
    else:
        verb = "grows" if directions == {"up"} else "falls"
        text = f"{_REACHED} {verb} with {name}: {_values(findings, ends)}"
    return text + _doubts(findings, changes)


def _of_medians(before: StudyOutcome, after: StudyOutcome) -> Change:
    return "up" if _reached(after) > _reached(before) else "down"


def _values(findings: Findings, ends: Pair) -> str:
    return ", ".join(f"{end.reached_text} at {findings.at(end)}" for end in ends)


def _doubts(findings: Findings, changes: Sequence[tuple[Change, Pair]]) -> str:
    """The neighbours between which nothing is shown, by name."""
    text = ""
    for kind, reason in _DOUBTS.items():
        pairs = [pair for found, pair in changes if found == kind]
        named = ", ".join(" and ".join(map(findings.short, pair)) for pair in pairs)
        if len(pairs) > _MOST_NAMED:
            named = f"{len(pairs)} of {len(changes)} pairs of neighbours"
        if pairs:
            text += f"; nothing is shown between {named} ({reason})"
    return text


def _best_of(findings: Findings, known: Sequence[StudyOutcome]) -> str:
    ranked = sorted(known, key=_reached)
    best, worst = ranked[0], ranked[-1]
    equal = [other for other in ranked[1:] if change(best, other) in _DOUBTS]
    if best.exact:
        exact = listed([findings.short(other) for other in (best, *equal) if other.exact])
        text = f"the best that was trained is exact with {shown_name(findings.axis.name)} {exact}"
    else:
        text = f"the best that was trained has {findings.at(best)}: nmse {reached_with_range(best)}"
        if equal:
            names = listed([findings.short(other) for other in equal])
            text += f", which is not shown to be better than {names}"
    return text if worst in equal else f"{text}; {_left_by(findings, best, worst)}"


def _left_by(findings: Findings, best: StudyOutcome, worst: StudyOutcome) -> str:
    if best.exact or _reached(worst) == float("inf"):
        return f"{findings.short(worst)} has {worst.reached_text}"
    factor = factor_text(_reached(worst) / _reached(best))
    return f"{findings.short(worst)} leaves {factor} times as much"


def _reached(outcome: StudyOutcome) -> float:
    assert outcome.reached is not None  # sorted out before
    return outcome.reached
