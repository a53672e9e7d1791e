"""What a search has cost, study by study."""

from .findings import Findings
from .outcome import StudyOutcome
from .tables import escaped, table

_HEADINGS = ("study", "trials", "completed", "pruned", "diverged", "training pairs", "seconds")
_COUNTS = ("trials", "completed", "pruned", "diverged")


def cost(findings: Findings) -> str:
    """The totals in a sentence, then a line for each study."""
    rows = [_row(outcome) for outcome in findings.outcomes]
    return f"<p>{escaped(_totals(findings))}</p>\n" + table(
        _HEADINGS, rows, numbers=range(1, len(_HEADINGS)), caption="What every study has cost"
    )


def _totals(findings: Findings) -> str:
    outcomes = findings.outcomes
    trials = sum(outcome.row["trials"] for outcome in outcomes)
    samples = sum(outcome.row["samples"] for outcome in outcomes)
    seconds = sum(outcome.row["train_seconds"] for outcome in outcomes)
    text = (
        f"{trials:,} trials and their confirm replicates were trained on {_short(samples)} pairs "
        f"in {_duration(seconds)} of training, all workers added up."
    )
    saved = _saved(findings)
    return f"{text} Pruning saved {saved:.0%} of the search's steps." if saved > 0 else text


def _saved(findings: Findings) -> float:
    """The share of the planned steps of all trials that pruned ones did not do."""
    rows = [row for outcome in findings.outcomes for row in outcome.trials]
    left = sum(row.schedule_steps - row.steps for row in rows if row.status == "pruned")
    return left / max(sum(row.schedule_steps for row in rows), 1)


def _row(outcome: StudyOutcome) -> list[str]:
    row = outcome.row
    counts = [f"{row[name]:,}" for name in _COUNTS]
    return [outcome.label, *counts, _short(row["samples"]), f"{row['train_seconds']:.1f}"]


def _short(count: float) -> str:
    """A large number in three digits.

    >>> _short(812), _short(41_200_000), _short(3.2e12)
    ('812', '41.2 M', '3,200 G')
    """
    for unit, size in (("G", 1e9), ("M", 1e6)):
        if count >= size:
            return f"{float(f'{count / size:.3g}'):,g} {unit}"
    return f"{count:,.0f}"


def _duration(seconds: float) -> str:
    """Seconds as people say them.

    >>> _duration(52.4), _duration(600), _duration(20_000)
    ('52 s', '10 min', '5.6 h')
    """
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
