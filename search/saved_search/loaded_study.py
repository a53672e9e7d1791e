"""Optuna studies rebuilt from a search's rows, for Optuna's own plots and dashboard."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from results import OutputFolder, summarise
from results.exact_nmse import log10_nmse
from results.rows import PackResult, curves_of, trials_of
from spaces import Spec, SpecError, Study, studies
from spaces.vocabulary import Value
from trainables import Halving
from trainables.stop_rules import stop_rule_of

from ..planning.optuna_study import distributions_of, finished_trial, quiet_optuna
from ..planning.study_plan import outcomes_of
from .finished_packs import finished_packs
from .folder_state import folder_state, searched
from .row_check import check_rows

METRIC = "log10_nmse"
FIRST_RUNG = " at the first rung"
"""What the name of a study ends with whose values are those at the first rung."""
ATTRIBUTES = (
    *("trial", "status", "loss", "nmse", "nmse_first_rung", "train_loss", "parameters"),
    "train_seconds",
)
"""Columns of a trial that Optuna has no place for: they are its user attributes."""
CONFIRMED = {
    "nmse": "confirmed_nmse",
    "nmse_min": "confirmed_nmse_min",
    "nmse_max": "confirmed_nmse_max",
    "nmse_longer": "confirmed_nmse_longer",
    "diverged_replicates": "diverged_replicates",
    "constructed_nmse": "constructed_nmse",
}
"""Columns of `SUMMARY`, and the user attributes of the study and of its best trial that hold them,
where they are known."""


def load_study(uri: str, *, first_rung: bool = False, **grid: Value) -> optuna.Study:
    """Rebuild one study of the search at `uri` as an Optuna study in memory.

    >>> study = load_study("runs/quick", dimension=8, multiplication=False)  # doctest: +SKIP
    >>> optuna.importance.get_param_importances(study)  # doctest: +SKIP

    Its objective, to be minimised, is the decimal logarithm of the nmse, at least -12. Optuna's
    views leave out trials without a value, so a trial that was pruned is COMPLETE too, with that of
    its last rung (the sampler saw it as PRUNED); the user attribute `status` tells them apart.
    Diverged trials are PRUNED, without any value. All have their rungs as intermediate values.
    Confirm replicates are no trials of the study: what they came to is among its user attributes.

    Args:
        uri: The output folder.
        first_rung: Take each trial's value at the first rung, after as many steps for all: what
            the importance of a hyperparameter is to be told from. The values of trials that left
            at different rungs mix it with how long they were trained.
        grid: Values of the spec's grid that name the study; those that leave no choice may be
            left out.

    Raises:
        OutputError: no search is there, it can't be read, or its rows were made from another spec.
        SpecError: no study, or more than one, has these values.
    """
    saved = _loaded(uri)
    known = studies(saved.spec)
    found = [study for study in known if grid.items() <= study.grid.items()]
    if len(found) != 1:
        named = ", ".join(f"{name}={value!r}" for name, value in grid.items()) or "nothing"
        names = "; ".join(study.name for study in known)
        rule = "more than one study has" if found else "no study has"
        raise SpecError([f"{rule} {named}; the studies of {OutputFolder(uri).uri}: {names}"])
    return _rebuilt(saved, found[0], optuna.storages.InMemoryStorage(), first_rung=first_rung)


def load_storage(uri: str) -> optuna.storages.InMemoryStorage:
    """Rebuild all studies of the search at `uri`, as `load_study` does, in one storage.

    Where trials were halved, each has a second study beside it, of the values at the first rung.

    Raises:
        OutputError: no search is there, it can't be read, or its rows were made from another spec.
    """
    saved = _loaded(uri)
    storage = optuna.storages.InMemoryStorage()
    for first_rung in (False,) if saved.spec.halving is None else (False, True):
        for study in studies(saved.spec):
            _rebuilt(saved, study, storage, first_rung=first_rung)
    return storage


@dataclass(frozen=True)
class _SavedSearch:
    spec: Spec
    packs: Mapping[str, Sequence[PackResult]]
    """Of each study's search, in their order."""
    summary: Mapping[str, Mapping[str, Any]]
    """The row of `SUMMARY` of each study that has trials."""


def _loaded(uri: str) -> _SavedSearch:
    folder = OutputFolder(uri)
    found = searched(folder_state(folder))
    table = folder.read_trials()
    trials, curves = trials_of(table), curves_of(folder.read_curves())
    check_rows(found, trials, curves)
    packs: dict[str, list[PackResult]] = {}
    for key, result in sorted(finished_packs(trials, curves).items(), key=lambda pack: pack[0]):
        if key.phase == "search":
            packs.setdefault(key.study, []).append(result)
    summary = {row["study"]: row for row in summarise(table).to_pylist()}
    return _SavedSearch(found.spec, packs, summary)


def _rebuilt(
    saved: _SavedSearch, study: Study, storage: BaseStorage, *, first_rung: bool
) -> optuna.Study:
    metric, ending = (f"{METRIC}_first_rung", FIRST_RUNG) if first_rung else (METRIC, "")
    with quiet_optuna(), warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        rebuilt = optuna.create_study(storage=storage, study_name=study.name + ending)
        rebuilt.set_metric_names([metric])
    summary = saved.summary.get(study.name, {})
    known = {CONFIRMED[name]: summary.get(name) for name in CONFIRMED}
    confirmed = {name: value for name, value in known.items() if value is not None}
    for name, value in confirmed.items():
        rebuilt.set_user_attr(name, value)
    for trial in _trials(saved, study, first_rung=first_rung):
        if trial.user_attrs["trial"] == summary.get("best_trial"):
            trial.user_attrs |= confirmed
        rebuilt.add_trial(trial)
    return rebuilt


def _trials(saved: _SavedSearch, study: Study, *, first_rung: bool) -> Iterator[FrozenTrial]:
    distributions = distributions_of(study.space)
    halving = saved.spec.halving
    rule = stop_rule_of(None if halving is None else Halving(**halving.model_dump()))
    first = min(rule.rungs(int(study.fixed["steps"])), default=0)
    for pack in saved.packs.get(study.name, ()):
        for row, outcome in zip(pack.trials, outcomes_of(study, pack), strict=True):
            trial = finished_trial(outcome, distributions)
            nmse = dict(outcome.rungs).get(first, row.nmse) if first_rung else row.nmse
            if nmse is not None:
                trial.state, trial.value = TrialState.COMPLETE, log10_nmse(nmse)
            rungs = trial.intermediate_values.items()
            trial.intermediate_values = {step: log10_nmse(rung) for step, rung in rungs}
            trial.user_attrs = {name: row.column(name) for name in ATTRIBUTES}
            started = row.started_at.astimezone().replace(tzinfo=None)  # Optuna's: local, no zone
            trial.datetime_start = started
            trial.datetime_complete = started + timedelta(seconds=row.pack_seconds)
            yield trial
