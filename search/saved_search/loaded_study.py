"""Optuna studies rebuilt from a search's rows, for Optuna's own plots and dashboard."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta

import optuna
from optuna.trial import FrozenTrial

from results import OutputFolder
from results.rows import PackResult, curves_of, trials_of
from spaces import SpecError, Study, studies
from spaces.vocabulary import Value

from ..planning.optuna_study import distributions_of, finished_trial, quiet_optuna
from ..planning.study_plan import outcomes_of
from .finished_packs import finished_packs
from .folder_state import folder_state, searched
from .row_check import check_rows

ATTRIBUTES = ("trial", "status", "loss", "nmse", "train_loss", "parameters", "train_seconds")
"""Columns of a trial that Optuna has no place for: they are its user attributes."""


def load_study(uri: str, **grid: Value) -> optuna.Study:
    """Rebuild one study of the search at `uri` as an Optuna study in memory.

    >>> study = load_study("runs/quick", dimension=8, multiplication=False)  # doctest: +SKIP
    >>> optuna.importance.get_param_importances(study)  # doctest: +SKIP

    Its objective is the nmse, to be minimised. Pruned trials have their rungs as intermediate
    values. Diverged trials are PRUNED without any value, as TPE sees them; the user
    attribute `status` tells them apart. Confirm replicates are no trials of the study.

    Args:
        uri: The output folder.
        grid: Values of the spec's grid that name the study; those that leave no choice may be
            left out.

    Raises:
        OutputError: no search is there, it can't be read, or its rows were made from another spec.
        SpecError: no study, or more than one, has these values.
    """
    known, packs = _loaded(uri)
    found = [study for study in known if grid.items() <= study.grid.items()]
    if len(found) != 1:
        named = ", ".join(f"{name}={value!r}" for name, value in grid.items()) or "nothing"
        names = "; ".join(study.name for study in known)
        rule = "more than one study has" if found else "no study has"
        raise SpecError([f"{rule} {named}; the studies of {OutputFolder(uri).uri}: {names}"])
    with quiet_optuna():
        study = optuna.create_study(study_name=found[0].name)
    study.add_trials(_trials(found[0], packs.get(found[0].name, ())))
    return study


def load_storage(uri: str) -> optuna.storages.InMemoryStorage:
    """Rebuild all studies of the search at `uri`, as `load_study` does, in one storage.

    Raises:
        OutputError: no search is there, it can't be read, or its rows were made from another spec.
    """
    known, packs = _loaded(uri)
    storage = optuna.storages.InMemoryStorage()
    for each in known:
        with quiet_optuna():
            study = optuna.create_study(storage=storage, study_name=each.name)
        study.add_trials(_trials(each, packs.get(each.name, ())))
    return storage


def _loaded(uri: str) -> tuple[tuple[Study, ...], Mapping[str, list[PackResult]]]:
    """The studies of the search at `uri`, and the packs of each one's search, in their order."""
    folder = OutputFolder(uri)
    found = searched(folder_state(folder))
    trials, curves = trials_of(folder.read_trials()), curves_of(folder.read_curves())
    check_rows(found, trials, curves)
    packs: dict[str, list[PackResult]] = {}
    for key, result in sorted(finished_packs(trials, curves).items(), key=lambda pack: pack[0]):
        if key.phase == "search":
            packs.setdefault(key.study, []).append(result)
    return studies(found.spec), packs


def _trials(study: Study, packs: Iterable[PackResult]) -> Iterator[FrozenTrial]:
    distributions = distributions_of(study.space)
    for pack in packs:
        for row, outcome in zip(pack.trials, outcomes_of(study, pack), strict=True):
            trial = finished_trial(outcome, distributions)
            for name in ATTRIBUTES:
                trial.set_user_attr(name, row.column(name))
            started = row.started_at.astimezone().replace(tzinfo=None)  # Optuna's: local, no zone
            trial.datetime_start = started
            trial.datetime_complete = started + timedelta(seconds=row.pack_seconds)
            yield trial
