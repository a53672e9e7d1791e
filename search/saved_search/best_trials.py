"""The best trials of each study of a search."""

import pyarrow
import pyarrow.compute

from spaces import Spec, studies


def best_trials(spec: Spec, trials: pyarrow.Table, most: int) -> pyarrow.Table:
    """Return up to `most` completed trials of each study with the lowest nmse, the best first.

    Studies stand in the spec's order; of equal trials the lower number comes first.

    Args:
        spec: The spec of the search.
        trials: Its `TRIALS`; confirm replicates are left out.
        most: Of each study, at least 1.
    """
    completed = trials.filter(
        (pyarrow.compute.field("phase") == "search")
        & (pyarrow.compute.field("status") == "completed")
    )
    ranked = completed.sort_by([("nmse", "ascending"), ("trial", "ascending")])
    of_each = (ranked.filter(pyarrow.compute.field("study") == each.name) for each in studies(spec))
    return pyarrow.concat_tables([trials.slice(0, 0), *(rows.slice(0, most) for rows in of_each)])
