"""Which packs of a study have finished: those whose rows are all there."""

import numpy
import pyarrow
import pyarrow.compute
from numpy.typing import NDArray

from spaces.vocabulary import PHASES

CURVE_COLUMNS = ("trial", "phase", "replicate", "steps_factor")
"""The columns of `CURVES` that `of_finished_packs` reads."""

Integers = NDArray[numpy.int64]


def of_finished_packs(trials: pyarrow.Table, curves: pyarrow.Table) -> pyarrow.Table:
    """Return those rows of one study's `TRIALS` that are of packs of which no curve is missing.

    A curve is missing where a part of the curves was damaged. (Rows of curves without their trial
    are of a pack that hasn't finished.)

    Args:
        trials: Rows of the study.
        curves: Its rows of `CURVES`; at least the columns `CURVE_COLUMNS`.
    """
    if not trials.num_rows:
        return trials
    keys = _keys(trials, curves)
    packs = _phases(trials) + 2 * trials["pack"].to_numpy()
    lacking = numpy.unique(packs[~numpy.isin(keys[: len(packs)], keys[len(packs) :])])
    if not len(lacking):
        return trials
    return trials.filter(pyarrow.array(~numpy.isin(packs, lacking)))


def _keys(*tables: pyarrow.Table) -> Integers:
    """A number for each row of all tables, equal for what is of one trial or replicate."""
    columns = [
        numpy.concatenate([table[name].to_numpy() for table in tables])
        for name in ("trial", "replicate", "steps_factor")
    ]
    keys = numpy.concatenate([_phases(table) for table in tables])
    for column in columns:
        keys = keys * (int(column.max()) + 1) + column
    return keys


def _phases(table: pyarrow.Table) -> Integers:
    """The phase of each row, by its place in `PHASES`."""
    equal = pyarrow.compute.equal(table["phase"], PHASES[1])
    phases: Integers = equal.to_numpy().astype(numpy.int64)
    return phases
