"""What the rows of one study come to, taken in as they come: counts, sums, and the best trial."""

import math
from array import array
from collections import Counter
from typing import Any, Self

import numpy
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from spaces.vocabulary import best_trial

from .rows import TrialRow, trials_of


class StudyTally:
    """The tally of a study: of each trial it keeps two numbers, and rows of the few that matter.

    What it says doesn't depend on the order of the rows, but for `best_nmse`.
    """

    def __init__(self) -> None:
        """No row yet."""
        self.first: TrialRow | None = None
        """A row, for what all rows of the study have in common; None before the first."""
        self.best: TrialRow | None = None
        """The completed trial of the search with the lowest nmse, of equal ones the first."""
        self.statuses: Counter[str] = Counter()
        """Of the trials of the search."""
        self.best_nmse = array("d")
        """The lowest nmse of completed trials after each that ended; infinite before the first."""
        self.member_steps = 0
        """Optimizer steps of all trials and replicates, added up."""
        self.samples = 0
        """Training pairs that all trials and replicates have seen, added up."""
        self.rows = 0
        """Trials and replicates."""
        self._replicates: dict[int, list[TrialRow]] = {}
        self._train_seconds = array("d")

    @classmethod
    def of(cls, trials: pa.Table) -> Self:
        """The tally of these rows of `TRIALS`, all of one study."""
        tally = cls()
        tally.take(trials)
        return tally

    @property
    def trials(self) -> int:
        """Trials of the search that have ended."""
        return len(self.best_nmse)

    @property
    def train_seconds(self) -> float:
        """Of all trials and replicates, added up: the same sum in any order."""
        return math.fsum(self._train_seconds)

    @property
    def replicates(self) -> list[TrialRow]:
        """The confirm replicates of the best trial, by their steps factor and number.

        (Of an extended search others may be of a trial that isn't the best any more.)
        """
        rows = [] if self.best is None else self._replicates.get(self.best.trial, [])
        return sorted(rows, key=lambda row: (row.steps_factor, row.replicate))

    @property
    def improved(self) -> NDArray[numpy.bool_]:
        """Of each trial that ended, in their order, whether it was better than all before."""
        lowest = numpy.asarray(self.best_nmse)
        better: NDArray[numpy.bool_] = lowest < numpy.append(math.inf, lowest)[:-1]
        return better

    def take(self, trials: pa.Table) -> None:
        """Take in rows of `TRIALS`, all of this study and none of them taken before."""
        if not trials.num_rows:
            return
        if self.first is None:
            self.first = _row(trials, 0)
        self.rows += trials.num_rows
        self.member_steps += pc.sum(trials["steps"]).as_py()
        self.samples += pc.sum(trials["samples"]).as_py()
        self._train_seconds.frombytes(_numbers(trials["train_seconds"]).tobytes())
        in_search = pc.equal(trials["phase"], "search")
        self._take_searched(trials.filter(in_search))
        for row in trials_of(trials.filter(pc.invert(in_search))):
            self._replicates.setdefault(row.trial, []).append(row)

    def _take_searched(self, searched: pa.Table) -> None:
        if not searched.num_rows:
            return
        for counted in pc.value_counts(searched["status"]).to_pylist():
            self.statuses[counted["values"]] += counted["counts"]
        completed = pc.equal(searched["status"], "completed").to_numpy()
        nmse = numpy.where(completed, _numbers(searched["nmse"]), math.inf)
        nmse = numpy.where(numpy.isnan(nmse), math.inf, nmse)
        before = self.best_nmse[-1] if self.best_nmse else math.inf
        self.best_nmse.frombytes(numpy.minimum(numpy.minimum.accumulate(nmse), before).tobytes())
        equal = numpy.flatnonzero(nmse == nmse.min())
        place = equal[numpy.argmin(_numbers(searched["trial"])[equal])]
        known = [] if self.best is None else [self.best]
        self.best = best_trial([*known, _row(searched, int(place))])


def _row(trials: pa.Table, place: int) -> TrialRow:
    return trials_of(trials.slice(place, 1))[0]


def _numbers(column: pa.ChunkedArray) -> NDArray[Any]:
    """The values as an array; NaN for a null among floats."""
    numbers: NDArray[Any] = column.to_numpy()
    return numbers
