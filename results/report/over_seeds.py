"""The conclusion's last sentence: what searching again with other seeds would reach."""

from dataclasses import replace
from itertools import pairwise

from spaces.vocabulary import SEED, Value

from ..seed_interval import FEWEST_SEEDS
from ..span import span_change
from .findings import Findings
from .loss_text import loss_text
from .outcome import StudyOutcome
from .trend import Pair
from .wording import from_to, listed

_MOST_NAMED = 3
"""More pairs of studies than these are counted."""


def seeds_sentence(findings: Findings) -> str:
    """How many seeds there were, and which neighbours on the axis differ whatever the seed."""
    seeds = findings.search.seeds
    if len(seeds) == 1:
        return _one_seed(findings, seeds[0])
    text = f"These are searches of {len(seeds)} seeds ({', '.join(map(str, seeds))}): "
    text += "the ranges are those of retraining one network"
    if len(seeds) < FEWEST_SEEDS:
        return f"{text}; {FEWEST_SEEDS} and more would tell what another seed reaches."
    but_for_seeds = _but_for_seeds(findings)
    outcomes = but_for_seeds.outcomes
    if len(outcomes) == 1 and outcomes[0].over_seeds:
        return f"{text}; of searching again, the 95% interval is {_ends(outcomes[0])}."
    # Of one alone the axis may be the seeds, which its grid has no more.
    pairs = _neighbours(but_for_seeds) if len(outcomes) > 1 else []
    apart = [pair for pair in pairs if _apart(*pair)]
    if not pairs:
        return f"{text}; what searching again would reach, they don't tell."
    if len(pairs) > _MOST_NAMED:
        return (
            f"{text}; of searching again, the 95% intervals lie apart in {len(apart)} of "
            f"{len(pairs)} pairs of neighbours."
        )
    told = [_told(but_for_seeds, *pair) for pair in pairs]
    return f"{text}; of searching again, by 95% intervals, {listed(told)}."


def _one_seed(findings: Findings, seed: int) -> str:
    """What the ranges are, and what they are not."""
    one = f"This is one search, of one seed ({seed}): "
    if not any(outcome.span for outcome in findings.outcomes):
        return f"{one}what another would reach is not known."
    return f"{one}the ranges are those of retraining one network, not of searching again."


def _but_for_seeds(findings: Findings) -> Findings:
    """The first of all studies that differ in the seed alone, which hold the same interval.

    Their grids have no seed: so they are told apart by the rest.
    """
    groups: dict[tuple[Value, ...], StudyOutcome] = {}
    for outcome in findings.outcomes:
        grid = {name: value for name, value in outcome.study.grid.items() if name != SEED.name}
        first = replace(outcome, study=replace(outcome.study, grid=grid))
        groups.setdefault(tuple(grid.values()), first)
    return replace(findings, outcomes=[*groups.values()])


def _neighbours(findings: Findings) -> list[Pair]:
    """The studies next to each other on the axis that differ in nothing else."""
    pairs = [pair for series in findings.series for pair in pairwise(series.outcomes)]
    return [pair for pair in pairs if all(each.over_seeds for each in pair)]


def _apart(before: StudyOutcome, after: StudyOutcome) -> bool:
    return span_change(before.over_seeds, after.over_seeds) in ("up", "down")


def _told(findings: Findings, before: StudyOutcome, after: StudyOutcome) -> str:
    """Whether two studies differ, with their intervals."""
    verb = "differ" if _apart(before, after) else "are not shown to differ"
    names = listed([findings.place(each) for each in (before, after)])
    return f"{names} {verb} ({listed([_ends(each) for each in (before, after)])})"


def _ends(outcome: StudyOutcome) -> str:
    assert outcome.over_seeds is not None  # sorted out before
    return from_to([loss_text(end, 2) for end in outcome.over_seeds])
