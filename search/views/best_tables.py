"""Tables of single trials: the best of each study, and the best by each value of something."""

import math
from collections.abc import Sequence

import pyarrow
from rich.table import Table
from rich.text import Text

from spaces import Spec
from spaces.vocabulary import FIELDS, STATUSES

from ..saved_search.best_by_value import BestOfGroup
from ..text.network_text import network_text
from ..text.number_notation import NumberText, nmse_notation
from ..text.study_label import SHORT_VALUES, study_label
from .columns import Column, table_of
from .summary_table import NETWORK, chosen_columns, tested_columns, tested_words

_NOT_CONFIRMED = "the search's own nmse, not confirmed: the lowest of many is too low on average"


def best_trials_table(spec: Spec, trials: pyarrow.Table) -> Table:
    """One line per trial of `TRIALS`, those of a study together."""
    rows = trials.to_pylist()
    number = nmse_notation(row["nmse"] for row in rows)
    studies = [row["study"] for row in rows]
    columns: list[Column] = [
        (
            "study",
            [
                "" if study == before else study_label(study)
                for study, before in zip(studies, ["", *studies], strict=False)
            ],
        ),
        ("trial", [str(row["trial"]) for row in rows]),
        ("nmse", [number(row["nmse"]) for row in rows]),
        *tested_columns(rows),
        ("network", [network_text(row["layer_sizes"]) for row in rows]),
        ("parameters", [str(row["parameters"]) for row in rows]),
        *chosen_columns(spec, rows),
    ]
    caption = "; ".join([f"nmse: {_NOT_CONFIRMED}", *tested_words(rows), NETWORK])
    return table_of(columns, caption=f"{caption}.", bold="nmse")


def best_by_value_table(name: str, found: Sequence[BestOfGroup], otherwise: str) -> Table:
    """One line per study without its value of `name`, one column per group of values.

    The lowest of a line is bold. A line that nothing else names is called `otherwise`.
    """
    number = nmse_notation(each.nmse for each in found)
    lines = list(dict.fromkeys(each.studies for each in found))
    cells = {(each.studies, each.group): each for each in found}
    best = {
        line: min((each for each in found if each.studies == line), key=_standing) for line in lines
    }
    columns: list[Column] = [
        ("study", [study_label(line) if line else otherwise for line in lines])
    ]
    for group in dict.fromkeys(each.group for each in found):
        texts = [_cell(cells.get((line, group)), number, best[line]) for line in lines]
        columns.append((_heading(FIELDS[name].label or name, group), texts))
    caption = f"The lowest nmse by {name}, {_NOT_CONFIRMED}"
    if any(each.status == "pruned" for each in found):
        caption += "; *: at a rung, where all were pruned"
    return table_of(columns, caption=f"{caption}.")


def _heading(label: str, group: str | None) -> str:
    """A value as in a study's label; a span on two lines."""
    if group is None:
        return f"no\n{label}"
    if " to " in group:
        return group.replace(" to ", "\nto ")
    return f"{label}={SHORT_VALUES.get(group, group)}"


def _standing(found: BestOfGroup) -> tuple[int, float]:
    return STATUSES.index(found.status), math.inf if found.nmse is None else found.nmse


def _cell(found: BestOfGroup | None, number: NumberText, best: BestOfGroup) -> Text:
    if found is None:
        return Text("")
    text = "diverged" if found.nmse is None else number(found.nmse)
    star = "*" if found.status == "pruned" else ""
    return Text(text + star, style="bold" if found is best else "")
