"""The pieces that a report's sentences are put together from."""

from collections.abc import Sequence

from .loss_text import loss_text
from .outcome import StudyOutcome


def reached_with_range(outcome: StudyOutcome) -> str:
    """What a study reached, and the range of retraining: 0.0096 (3 replicates, 0.0089 to 0.010)."""
    if outcome.span is None:
        return f"{outcome.reached_text} ({'1 replicate' if outcome.confirmed else 'unconfirmed'})"
    known = [row.nmse for row in outcome.replicates if row.nmse is not None]
    diverged = len(outcome.replicates) - len(known)
    ends = [loss_text(pick(known), outcome.digits) for pick in (min, max) if known]
    parts = [f"{len(outcome.replicates)} replicates", *([from_to(ends)] if known else [])]
    parts += [f"{diverged} diverged"] if diverged else []
    return f"{outcome.reached_text} ({', '.join(parts)})"


def listed(texts: Sequence[str]) -> str:
    """Join texts as a sentence does.

    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    return " and ".join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)


def counted(count: int, of: int, noun: str = "studies") -> str:
    """How many of how many.

    >>> counted(2, 4), counted(4, 4), counted(2, 2), counted(1, 1)
    ('2 of 4 studies', 'all 4 studies', 'both studies', 'the only study')
    """
    if of == 1:
        return "the only study" if count else "no study"
    if count < of:
        return f"{count} of {of} {noun}"
    return f"both {noun}" if of == 2 else f"all {of} {noun}"


def from_to(texts: Sequence[str]) -> str:
    """The first and the last of texts, once where they read alike.

    >>> from_to(["1.3", "1.5", "1.7"]), from_to(["1.3"])
    ('1.3 to 1.7', '1.3')
    """
    return texts[0] if texts[0] == texts[-1] else f"{texts[0]} to {texts[-1]}"


def sentence(text: str) -> str:
    """A text as a sentence: a capital letter and a full stop."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
