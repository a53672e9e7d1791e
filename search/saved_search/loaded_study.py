"""Optuna studies rebuilt from a search's rows, for Optuna's own plots and dashboard."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

import optuna
from optuna.trial import FrozenTrial

from results import OutputFolder
from spaces import SpecError, Study, studies
from spaces.vocabulary import Value

from ..planning.study_run import Row
from ..planning.suggestion import Outcome, distributions_of, finished_trial, quiet_optuna
from .folder_state import folder_state, searched
from .row_check import check_rows

Rungs = Mapping[tuple[str, int], Sequence[tuple[int, float]]]

ATTRIBUTES = ("trial", "status", "loss", "nmse", "train_loss", "parameters", "train_seconds")
"""Columns of a trial that Optuna has no place for: they are its user attributes."""


def load_study(uri: str, **grid: Value) -> optuna.Study:
    """Rebuild one study of the search at `uri` as an Optuna study in memory.

    >>> study = load_study("runs/quick", dimension=8, multiplication=False)  # doctest: +SKIP
    >>> optuna.importance.get_param_importances(study)  # doctest: +SKIP

    Its objective is the nmse, to be minimised. Pruned trials have their rungs as intermediate
    values. Diverged trials are PRUNED without any value, as the sampler saw them; the user
    attribute `status` tells them apart. Confirm replicates are no trials of the study.

    Args:
        uri: The output folder.
        grid: Values of the spec's grid that name the study; those that leave no choice may be
            left out.

    Raises:
        OutputError: no search is there, it can't be read, or its rows were made from another spec.
        SpecError: no study, or more than one, has these values.
    """
    known, rows, rungs = _loaded(uri)
    found = [study for study in known if grid.items() <= study.grid.items()]
    if len(found) != 1:
        named = ", ".join(f"{name}={value!r}" for name, value in grid.items()) or "nothing"
        names = "; ".join(study.name for study in known)
        rule = "more than one study has" if found else "no study has"
        raise SpecError([f"{rule} {named}; the studies of {OutputFolder(uri).uri}: {names}"])
    with quiet_optuna():
        study = optuna.create_study(study_name=found[0].name)
    study.add_trials(_trials(found[0], rows.get(found[0].name, ()), rungs))
    return study


def load_storage(uri: str) -> optuna.storages.InMemoryStorage:
    """Rebuild all studies of the search at `uri`, as `load_study` does, in one storage.

    Raises:
        OutputError: no search is there, it can't be read, or its rows were made from another spec.
    """
    known, rows, rungs = _loaded(uri)
    storage = optuna.storages.InMemoryStorage()
    for each in known:
        with quiet_optuna():
            study = optuna.create_study(storage=storage, study_name=each.name)
        study.add_trials(_trials(each, rows.get(each.name, ()), rungs))
    return storage


def _loaded(uri: str) -> tuple[tuple[Study, ...], dict[str, list[Row]], Rungs]:
    """The studies of the search at `uri`, its trials by study, in their order, and their rungs."""
    folder = OutputFolder(uri)
    found = searched(folder_state(folder))
    trials, curves = folder.read_trials().to_pylist(), folder.read_curves().to_pylist()
    check_rows(found, trials, curves)
    rows: dict[str, list[Row]] = {}
    for row in trials:
        if row["phase"] == "search":
            rows.setdefault(row["study"], []).append(row)
    rungs: dict[tuple[str, int], list[tuple[int, float]]] = {}
    for row in curves:
        if row["phase"] == "search" and row["nmse_at_step"] is not None:
            rung = (row["step"], row["nmse_at_step"])
            rungs.setdefault((row["study"], row["trial"]), []).append(rung)
    return studies(found.spec), rows, rungs


def _trials(study: Study, rows: Sequence[Row], rungs: Rungs) -> Iterator[FrozenTrial]:
    distributions = distributions_of(study.space)
    for row in rows:
        outcome = Outcome(
            parameters={name: row[name] for name in study.space},
            status=row["status"],
            nmse=row["nmse"],
            rungs=tuple(rungs.get((study.name, row["trial"]), ())),
        )
        trial = finished_trial(outcome, distributions)
        for name in ATTRIBUTES:
            trial.set_user_attr(name, row[name])
        started = row["started_at"].astimezone().replace(tzinfo=None)  # Optuna's: local, no zone
        trial.datetime_start = started
        trial.datetime_complete = started + timedelta(seconds=row["pack_seconds"])
        yield trial
