"""Whether the rows in a folder are those of its spec.yaml, or were made from another spec."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from results import OutputError
from results.rows import CurveRow, TrialRow
from spaces import Choices, FloatRange, IntRange, Spec, studies
from spaces.domains import Domain
from spaces.faults import show
from spaces.vocabulary import MEMBER_HYPERPARAMETERS, unused_hyperparameters

from ..planning.study_plan import StudyPlan
from .folder_state import Searched
from .spec_changes import grid_changes, row_changes


def check_rows(found: Searched, trials: Sequence[TrialRow], curves: Sequence[CurveRow]) -> None:
    """Refuse rows that the folder's spec.yaml doesn't give, and name the keys that differ.

    What the latest run has recorded is compared first, then each row with the spec: its seeds come
    from the content of what defines it, so rows of another search show. A grid value may be added,
    and one without rows be removed; there may be more trials, in whole packs, and more of confirm.

    Raises:
        OutputError: with a line for each key.
    """
    reasons = []
    if found.made_from is not None:
        reasons = row_changes(found.made_from, found.spec)
    known = {study.name for study in studies(found.spec)}
    lost = {row.study for rows in (trials, curves) for row in rows} - known
    if lost:
        changes = grid_changes(found.made_from, found.spec) if found.made_from else []
        reasons += [*changes, f"grid: the study {min(lost)} has rows and is not in the spec"]
    reasons = reasons or list(dict(_misfits(found.spec, trials)).values())
    if reasons:
        raise OutputError(
            f"the rows in {found.uri} were made from another spec than its spec.yaml: "
            f"{'; '.join(reasons)}; put that back, or run the changed spec in another folder "
            "(`dottune run SPEC --out`)"
        )


def refuse_older_rows(found: Searched, trials: Sequence[TrialRow]) -> None:
    """Raise OutputError for rows of version 1 of the tables: no pack of today's can join them.

    Their seeds were derived otherwise, and their confirm packs numbered after those of the search.
    """
    if any(row.execution is None for row in trials):
        raise OutputError(
            f"the search in {found.uri} can't be gone on with: an earlier release wrote its rows "
            "(version 1 of the tables), and its seeds and pack numbers were others; it can be "
            "read, shown and reproduced; run its spec.yaml in another folder "
            "(`dottune run SPEC --out`)"
        )


def _broken_packs(spec: Spec, rows: Sequence[TrialRow]) -> Iterator[tuple[str, str]]:
    """Yield a line for a pack with fewer trials than it has by the spec: the last of an older one.

    A pack's trials are judged against each other, so that it can't get more.
    """
    trials, size = spec.budget.trials, spec.budget.pack_size
    packs = Counter((row.study, row.pack) for row in rows if row.phase == "search")
    for (study, number), count in packs.items():
        whole = min(size, trials - number * size)
        if count < whole:
            line = f"pack {number} of {study} has {count} trials, and {whole} by the spec"
            yield "budget.trials", f"budget.trials: {trials}, but {line}: packs are added whole"
            return


Check = tuple[str, bool, Any, Any]
"""A key of the spec, whether a row fits it, what the spec says there, and what the row has."""


def _misfits(spec: Spec, rows: Sequence[TrialRow]) -> Iterator[tuple[str, str]]:
    """Yield (key, a line) for each value of a row that the spec does not give."""
    plans = {study.name: StudyPlan(spec, study) for study in studies(spec)}
    yield from _broken_packs(spec, rows)
    for row in rows:
        plan = plans[row.study]
        for check in (_shared, _chosen, _counted):
            for key, fits, stated, value in check(plan, row):
                if not fits:
                    got = f"a row of {plan.name} has {show(value)}"
                    yield key, f"{key}: {show(stated)}, but {got}"


def _shared(plan: StudyPlan, row: TrialRow) -> Iterator[Check]:
    """What all rows of a study have in common."""
    name, fixed = plan.spec.name, plan.study.fixed
    yield "name", row.search == name, name, row.search
    for name, value in plan.study.task.items():
        section = "fixed" if name == "dimension" else "task"
        yield f"{section}.{name}", row.task[name] == value, value, row.task[name]
    batch_size, steps = fixed["batch_size"], row.schedule_steps / row.steps_factor
    yield "fixed.batch_size", row.batch_size == batch_size, batch_size, row.batch_size
    yield "fixed.steps", steps == fixed["steps"], fixed["steps"], steps


def _chosen(plan: StudyPlan, row: TrialRow) -> Iterator[Check]:
    """What the members of a pack differ in, or could."""
    chosen = row.hyperparameters
    unused = unused_hyperparameters([chosen["optimizer"]])
    for name, domain in plan.study.space.items():
        fits = chosen[name] is None if name in unused else _holds(domain, chosen[name])
        yield f"space.{name}", fits, domain.model_dump(), chosen[name]
    for name in plan.study.fixed.keys() & MEMBER_HYPERPARAMETERS.keys():
        value = None if name in unused else plan.study.fixed[name]
        yield f"fixed.{name}", chosen[name] == value, value, chosen[name]
    if row.phase == "search":
        seeds = plan.search_seeds(row.trial)
    else:
        seeds = plan.confirm_seeds(row.replicate)
    if row.execution is None:
        return  # of version 1 of the tables, whose seeds were derived otherwise
    for name, seed in seeds.items():
        yield "seed", row.column(name) == seed, plan.spec.seed, f"the {name} of another"


def _counted(plan: StudyPlan, row: TrialRow) -> Iterator[Check]:
    """How many trials, packs and replicates there are."""
    budget, confirm = plan.spec.budget, plan.spec.confirm
    if row.phase == "search":
        size, where = budget.pack_size, f"trial {row.trial} in pack {row.pack}"
        yield "budget.pack_size", row.trial // size == row.pack, size, where
        yield "budget.trials", row.trial < budget.trials, budget.trials, where
        halved = row.status == "pruned"
        yield "halving", not halved or plan.spec.halving is not None, None, "been pruned"
    elif confirm is None:
        yield "confirm", False, None, "been confirmed"
    else:
        replicates, factors = confirm.replicates, list(confirm.steps_factors)
        replicate, factor = row.replicate, row.steps_factor
        yield "confirm.replicates", replicate < replicates, replicates, f"replicate {replicate}"
        yield "confirm.steps_factors", factor in factors, factors, factor


def _holds(domain: Domain, value: Any) -> bool:
    if value is None:
        return False
    match domain:
        case Choices(choices=choices):
            return any(type(value) is type(choice) and value == choice for choice in choices)
        case IntRange(low=low, high=high, step=step):
            return value in range(low, high + 1, step)
        case FloatRange(low=low, high=high):
            return low <= float(value) <= high
