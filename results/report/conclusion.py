"""What a search has shown, in three to five sentences made from its tables alone."""

from collections.abc import Iterator, Sequence

from .falling import falling_sentence
from .findings import Findings, Series
from .loss_text import loss_text
from .over_seeds import seeds_sentence
from .overview import overview_sentences
from .trend import series_sentence
from .wording import counted, listed, reached_with_range, sentence


def conclusion(findings: Findings) -> list[str]:
    """The sentences, the most important first; the same tables give the same sentences.

    They say "the best that was trained": what a network can hold is another question, which
    weights set by hand answer from above. A trend is claimed only between neighbours whose
    replicates' ranges don't overlap.
    """
    search = findings.search
    sentences = [f"Unfinished: {search.missing}."] if search.missing else []
    if not any(outcome.found for outcome in findings.outcomes):
        return [*sentences, "No trial has been trained to its last step yet: nothing to conclude."]
    sentences += [*_findings(findings), _by_hand(findings)]
    if not search.missing:
        sentences.append(falling_sentence(findings))
    return [*filter(None, sentences), seeds_sentence(findings)]


def _findings(findings: Findings) -> Iterator[str]:
    """One or two sentences: of each series that is not exact, or of all where they are many."""
    series = [each for each in findings.series if not each.exact]
    if not series:
        of = len(findings.outcomes)
        yield f"The best that was trained is exact (nmse at most 1e-12) in {counted(of, of)}."
    elif len(series) > 2:
        yield from overview_sentences(findings)
    else:
        yield from (series_sentence(findings, each) for each in series)
        exact = [each for each in findings.series if each.exact]
        if exact:
            yield _exact(findings, exact)


def _exact(findings: Findings, exact: Sequence[Series]) -> str:
    count = sum(len(each.outcomes) for each in exact)
    words = listed([each.words for each in exact]) if len(exact) < 3 else "elsewhere"
    where = counted(count, len(findings.outcomes))
    return sentence(f"{words} it is exact (nmse at most 1e-12): {where}")


def _by_hand(findings: Findings) -> str:
    """Where weights set by hand beat what was trained: at the study with the highest nmse."""
    known = [each for each in findings.outcomes if each.by_hand is not None and not each.exact]
    lower = [outcome for outcome in known if outcome.by_hand_is_lower]
    if not lower:
        return ""
    most = max(lower, key=lambda outcome: outcome.reached or 0.0)
    by_hand = loss_text(most.by_hand, 2)
    reach = "are exact" if by_hand == "exact" else f"reach {by_hand}"
    place = findings.place(most)
    text = f"at {place}{',' if ',' in place else ''} the search reached "
    text += f"{reached_with_range(most)}; weights set by hand {reach}: "
    stream = most.row["data"] == "stream"
    text += f"this {'budget' if stream else 'sample or the budget'}, not the size, limits it"
    if len(known) > 1:
        text += (
            f" (by hand is lower in {counted(len(lower), len(known), 'studies where it is known')})"
        )
    return sentence(text)
