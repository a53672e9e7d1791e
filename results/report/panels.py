"""Which studies get a panel: all where they are few, else the extremes, the others folded."""

from collections.abc import Sequence

from .outcome import StudyOutcome

MOST_PANELS = 8


def chosen(
    outcomes: Sequence[StudyOutcome],
) -> tuple[Sequence[StudyOutcome], Sequence[StudyOutcome]]:
    """Return the studies to show at once and those to fold, both in their order.

    Exact ones are folded beside others: there is nothing but rounding to be seen in them. Of more
    than eight the four with the lowest and the four with the highest nmse are shown.
    """
    begun = [outcome for outcome in outcomes if outcome.trials]
    shown = [outcome for outcome in begun if not outcome.exact] or begun
    if len(shown) > MOST_PANELS:
        ranked = sorted(shown, key=_rank)
        half = MOST_PANELS // 2
        extremes = {id(outcome) for outcome in (*ranked[:half], *ranked[-half:])}
        shown = [outcome for outcome in shown if id(outcome) in extremes]
    at_once = {id(outcome) for outcome in shown}
    return shown, [outcome for outcome in begun if id(outcome) not in at_once]


def _rank(outcome: StudyOutcome) -> float:
    return float("inf") if outcome.reached is None else outcome.reached
