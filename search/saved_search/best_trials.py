"""The best trials of each study of a search."""

import pyarrow
import pyarrow.compute

from results import TRIALS
from results.table_parts import TableParts
from spaces import Spec, studies


def best_trials(spec: Spec, trials: TableParts, most: int) -> pyarrow.Table:
    """Return up to `most` completed trials of each study with the lowest nmse, the best first.

    Studies stand in the spec's order; of equal trials the lower number comes first.

    Args:
        spec: The spec of the search.
        trials: Its `TRIALS`; confirm replicates are left out.
        most: Of each study, at least 1.
    """
    of_each = (_best(trials.of(study.name), most) for study in studies(spec))
    return pyarrow.concat_tables([TRIALS.empty_table(), *of_each])


def _best(trials: pyarrow.Table, most: int) -> pyarrow.Table:
    completed = trials.filter(
        (pyarrow.compute.field("phase") == "search")
        & (pyarrow.compute.field("status") == "completed")
    )
    order = [("nmse", "ascending"), ("trial", "ascending")]
    return completed.take(pyarrow.compute.sort_indices(completed, order)[:most])
