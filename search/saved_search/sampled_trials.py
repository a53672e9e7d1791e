"""Some of a study's trials, where all are too many to be shown one by one."""

import math

import numpy
import pyarrow
import pyarrow.compute

from results.tally import StudyTally
from spaces import Spec, studies


def one_in(spec: Spec, most: int) -> int:
    """Of how many trials of each study one is shown, for about `most` of the whole search."""
    of_study = max(most // len(studies(spec)), 1)
    return math.ceil(spec.budget.trials / of_study)


def sampled(trials: pyarrow.Table, every: int) -> pyarrow.Table:
    """Return the rows of one study's `TRIALS` that are shown, one trial in `every`.

    Beside those whose numbers are multiples of `every` the trials that were the best of their study
    so far, by their numbers, and all confirm replicates.
    """
    if every == 1:
        return trials
    searched = pyarrow.compute.equal(trials["phase"], "search").to_numpy()
    improved = numpy.zeros(trials.num_rows, bool)
    improved[searched] = StudyTally.of(trials).improved
    even = trials["trial"].to_numpy() % every == 0
    return trials.filter(pyarrow.array(~searched | improved | even))


def of_trials(curves: pyarrow.Table, trials: pyarrow.Table) -> pyarrow.Table:
    """Return one study's rows of `CURVES` that are of trials with a row in `trials`."""
    return curves.filter(pyarrow.compute.is_in(curves["trial"], trials["trial"].combine_chunks()))


def sample_text(spec: Spec, every: int) -> str:
    """Which of a search's trials are shown, in words; empty where all are."""
    if every == 1:
        return ""
    count, trials = len(studies(spec)), spec.budget.trials
    return (
        f"{count * math.ceil(trials / every):,} of {count * trials:,} trials, one in {every} of "
        "each study, beside the best so far and the confirm replicates"
    )
