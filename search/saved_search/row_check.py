"""Whether the rows in a folder are those of its spec.yaml, or were made from another spec."""

import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy
import pyarrow
import pyarrow.compute as pc
from numpy.typing import NDArray

from results import OutputError
from spaces import Choices, IntRange, studies
from spaces.domains import Domain
from spaces.faults import show
from spaces.vocabulary import MEMBER_HYPERPARAMETERS, unused_hyperparameters

from ..planning.study_plan import StudyPlan
from .folder_state import Searched
from .spec_changes import grid_changes, row_changes

Fits = NDArray[numpy.bool_]


def check_record(found: Searched, names: Iterable[str]) -> None:
    """Refuse a folder whose record tells of another spec, or with rows of a study it doesn't have.

    A grid value may be added, and one without rows be removed; there may be more trials, in whole
    packs, and more of confirm.

    Args:
        found: The folder's search.
        names: The studies that have rows.

    Raises:
        OutputError: with a line for each key.
    """
    reasons = []
    if found.made_from is not None:
        reasons = row_changes(found.made_from, found.spec)
    lost = {*names} - {study.name for study in studies(found.spec)}
    if lost:
        changes = grid_changes(found.made_from, found.spec) if found.made_from else []
        reasons += [*changes, f"grid: the study {min(lost)} has rows and is not in the spec"]
    refuse(found, reasons)


def refuse(found: Searched, reasons: Iterable[str]) -> None:
    """Raise OutputError, if there are reasons: the rows are another spec's."""
    told = "; ".join(reasons)
    if told:
        raise OutputError(
            f"the rows in {found.uri} were made from another spec than its spec.yaml: "
            f"{told}; put that back, or run the changed spec in another folder "
            "(`dottune run SPEC --out`)"
        )


def refuse_older_rows(found: Searched, trials: pyarrow.Table) -> None:
    """Raise OutputError for rows of version 1 of the tables: no pack of today's can join them.

    Their seeds were derived otherwise, and their confirm packs numbered after those of the search.
    """
    if trials["execution"].null_count:
        raise OutputError(
            f"the search in {found.uri} can't be gone on with: an earlier release wrote its rows "
            "(version 1 of the tables), and its seeds and pack numbers were others; it can be "
            "read, shown and reproduced; run its spec.yaml in another folder "
            "(`dottune run SPEC --out`)"
        )


def misfits(plan: StudyPlan, trials: pyarrow.Table) -> dict[str, str]:
    """Return a line for each key of the spec that a row of the study's `TRIALS` doesn't fit.

    A row's seeds come from the content of what defines it, so rows of another search show.

    Args:
        plan: Of the study; none of its packs needs to have run.
        trials: All of its rows.
    """
    lines = dict(_broken_packs(plan, trials))
    for check in (_shared, _chosen, _seeded, _counted):
        for key, fits, stated, values in check(plan, trials):
            wrong = numpy.flatnonzero(~fits)
            if len(wrong):
                value = values[int(wrong[0])]
                plain = value.as_py() if isinstance(value, pyarrow.Scalar) else value
                got = f"a row of {plan.name} has {show(plain)}"
                lines.setdefault(key, f"{key}: {show(stated)}, but {got}")
    return lines


def _broken_packs(plan: StudyPlan, trials: pyarrow.Table) -> Iterator[tuple[str, str]]:
    """Yield a line for a pack with fewer trials than it has by the spec: the last of an older one.

    A pack's trials are judged against each other, so that it can't get more.
    """
    budget = plan.spec.budget
    packs = trials.filter(pc.field("phase") == "search")["pack"].to_numpy()
    numbers, counts = numpy.unique(packs, return_counts=True)
    for number, count in zip(numbers.tolist(), counts.tolist(), strict=True):
        whole = budget.members(number)
        if count < whole:
            line = f"pack {number} of {plan.name} has {count} trials, and {whole} by the spec"
            yield (
                "budget.trials",
                f"budget.trials: {show(budget.trials)}, but {line}: packs are added whole",
            )
            return


Check = tuple[str, Fits, Any, Any]
"""A key of the spec, which rows fit it, what the spec says there, and what the rows have."""


def _shared(plan: StudyPlan, trials: pyarrow.Table) -> Iterator[Check]:
    """What all rows of a study have in common."""
    name, fixed = plan.spec.name, plan.study.fixed
    yield "name", _equal(trials["search"], name), name, trials["search"]
    for name, value in plan.study.task.items():
        if name == "table" and plan.study.task["fingerprint"] is not None:
            continue  # it may have moved: what it holds counts
        section = "fixed" if name == "dimension" else "task"
        yield f"{section}.{name}", _equal(trials[name], value), value, trials[name]
    column, stated = trials["batch_size"], fixed["batch_size"]
    yield "fixed.batch_size", _equal(column, stated), stated, column
    steps = trials["schedule_steps"].to_numpy() / trials["steps_factor"].to_numpy()
    yield "fixed.steps", steps == fixed["steps"], fixed["steps"], steps.tolist()


def _chosen(plan: StudyPlan, trials: pyarrow.Table) -> Iterator[Check]:
    """What the members of a pack differ in, or could."""
    model = plan.study.fixed["model"]
    for optimizer in trials["optimizer"].unique().to_pylist():
        rows = trials.filter(pc.field("optimizer") == optimizer)
        unused = unused_hyperparameters([optimizer], [model], [plan.study.task["data"]])
        for name, domain in plan.study.space.items():
            column = rows[name]
            fits = _equal(column, None) if name in unused else _holds(domain, column)
            yield f"space.{name}", fits, domain.model_dump(), column
        for name in plan.study.fixed.keys() & MEMBER_HYPERPARAMETERS.keys():
            value = None if name in unused else plan.study.fixed[name]
            yield f"fixed.{name}", _equal(rows[name], value), value, rows[name]


def _seeded(plan: StudyPlan, trials: pyarrow.Table) -> Iterator[Check]:
    """The seeds, but for rows of version 1 of the tables, whose seeds were derived otherwise."""
    known = trials.filter(pc.is_valid(trials["execution"]))
    searched = known.filter(pc.field("phase") == "search")
    confirmed = known.filter(pc.field("phase") == "confirm")
    for rows, seeds in (
        (searched, plan.search_seeds(searched["trial"].to_pylist())),
        (confirmed, plan.confirm_seeds(confirmed["replicate"].to_pylist())),
    ):
        for name, expected in seeds.items():
            fits = rows[name].to_numpy() == numpy.array(expected, numpy.int64)
            yield "seed", fits, plan.spec.seed, [f"the {name} of another"] * len(fits)


def _counted(plan: StudyPlan, trials: pyarrow.Table) -> Iterator[Check]:
    """How many trials, packs and replicates there are."""
    budget, confirm = plan.spec.budget, plan.spec.confirm
    searched = trials.filter(pc.field("phase") == "search")
    numbers, packs = searched["trial"].to_numpy(), searched["pack"].to_numpy()
    where = _Places(numbers, packs)
    yield "budget.pack_size", numbers // budget.pack_size == packs, budget.pack_size, where
    fits = numbers < (math.inf if budget.trials is None else budget.trials)
    yield "budget.trials", fits, budget.trials, where
    halved = pc.equal(searched["status"], "pruned").to_numpy()
    pruned = ["been pruned"] * len(halved)
    yield "halving", ~halved | (plan.spec.halving is not None), None, pruned
    confirmed = trials.filter(pc.field("phase") == "confirm")
    if confirm is None:
        none = numpy.zeros(confirmed.num_rows, bool)
        yield "confirm", none, None, ["been confirmed"] * len(none)
        return
    replicates = confirmed["replicate"].to_numpy()
    told = [f"replicate {replicate}" for replicate in replicates.tolist()]
    yield "confirm.replicates", replicates < confirm.replicates, confirm.replicates, told
    factors = confirmed["steps_factor"].to_numpy()
    stated = list(confirm.steps_factors)
    yield "confirm.steps_factors", numpy.isin(factors, stated), stated, factors.tolist()


class _Places:
    """Of each row its trial and its pack, in words."""

    def __init__(self, trials: NDArray[numpy.int64], packs: NDArray[numpy.int64]) -> None:
        self._trials, self._packs = trials, packs

    def __getitem__(self, place: int) -> str:
        return f"trial {self._trials[place]} in pack {self._packs[place]}"


def _equal(column: pyarrow.ChunkedArray, value: Any) -> Fits:
    equal = pc.is_null(column) if value is None else pc.equal(column, value)
    return _known(equal)


def _holds(domain: Domain, column: pyarrow.ChunkedArray) -> Fits:
    match domain:
        case Choices(choices=choices):
            return _known(pc.is_in(column, pyarrow.array(choices, column.type)))
        case IntRange(low=low, high=high, step=step):
            inside = pc.and_(pc.greater_equal(column, low), pc.less_equal(column, high))
            numbers = pc.fill_null(column, low).to_numpy()
            fits: Fits = _known(inside) & ((numbers - low) % step == 0)
            return fits
    return _known(pc.and_(pc.greater_equal(column, domain.low), pc.less_equal(column, domain.high)))


def _known(fits: pyarrow.ChunkedArray) -> Fits:
    """The answers; a null has none, and doesn't fit."""
    known: Fits = pc.fill_null(fits, False).to_numpy()
    return known
