"""Some of a study's trials, where all are too many to be shown one by one."""

import math
from dataclasses import dataclass

import numpy
import pyarrow
import pyarrow.compute
from numpy.typing import ArrayLike, NDArray

from results.tally import StudyTally

_THINNED = 4
"""Of a number of trials that nobody knows yet so many times fewer are shown at first: there will
be more of them."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Which trials of each study are shown, by their numbers: `most` of a search, or somewhat more.

    Beside them those that were the best of their study so far, and all confirm replicates.
    """

    studies: int
    trials: int | None
    """Of each study, or of the largest; None where nobody knows how many there will be."""
    most: int

    @property
    def whole(self) -> bool:
        """Whether all trials are shown."""
        return self.trials is not None and self._every(self.trials) == 1

    def shows(self, numbers: ArrayLike) -> NDArray[numpy.bool_]:
        """Whether trials of these numbers are shown.

        One in so many where their number is known. Else the first ones, then half of as many
        again, a quarter of twice as many, and so on: their number grows as the logarithm of all.
        """
        trials = numpy.asarray(numbers)
        if self.trials is not None:
            every = self._every(self.trials)
        else:
            every = 2.0 ** numpy.ceil(numpy.log2(trials // self._first + 1))
        shown: NDArray[numpy.bool_] = trials % every == 0
        return shown

    def __str__(self) -> str:
        """Which trials are shown, in words; empty where all are."""
        if self.whole:
            return ""
        if self.trials is None:
            first = self._first
            shown = (
                f"the first {first:,} trials of each study, then one in 2, one in 4 from trial "
                f"{2 * first:,} on, and so on, "
            )
        else:
            every = self._every(self.trials)
            shown = f"one in {every:,} of the trials of each study, "
        return shown + "beside the best so far and the confirm replicates"

    @property
    def _of_study(self) -> int:
        return max(self.most // self.studies, 1)

    @property
    def _first(self) -> int:
        return max(self._of_study // _THINNED, 1)

    def _every(self, trials: int) -> int:
        return max(math.ceil(trials / self._of_study), 1)


def sampled(trials: pyarrow.Table, sample: Sample) -> pyarrow.Table:
    """Return the rows of one study's `TRIALS` that are shown."""
    if sample.whole:
        return trials
    searched = pyarrow.compute.equal(trials["phase"], "search").to_numpy()
    improved = numpy.zeros(trials.num_rows, bool)
    improved[searched] = StudyTally.of(trials).improved
    shown = sample.shows(trials["trial"].to_numpy())
    return trials.filter(pyarrow.array(~searched | improved | shown))


def of_trials(curves: pyarrow.Table, trials: pyarrow.Table) -> pyarrow.Table:
    """Return one study's rows of `CURVES` that are of trials with a row in `trials`."""
    return curves.filter(pyarrow.compute.is_in(curves["trial"], trials["trial"].combine_chunks()))
