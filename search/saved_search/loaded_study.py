"""Optuna studies rebuilt from a search's rows, for Optuna's own plots and dashboard."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import optuna
import pyarrow
import pyarrow.compute
from optuna.exceptions import ExperimentalWarning
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from results import OutputFolder, summarise
from results.exact_nmse import log10_nmse
from spaces import SpecError, Study, studies
from spaces.vocabulary import Value
from trainables import Halving
from trainables.stop_rules import stop_rule_of

from ..planning.optuna_study import distributions_of, finished_trial, quiet_optuna
from ..planning.outcome import Outcome
from ..planning.study_plan import StudyPlan
from .folder_state import folder_state, searched
from .loaded_trial import LoadedTrial
from .row_check import check_record, misfits, refuse

METRIC = "log10_nmse"
_CURVE_COLUMNS = ("phase", "trial", "step", "nmse_at_step")
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
    saved = _SavedSearch(uri)
    known = studies(saved.spec)
    found = [study for study in known if grid.items() <= study.grid.items()]
    if len(found) != 1:
        named = ", ".join(f"{name}={value!r}" for name, value in grid.items()) or "nothing"
        names = "; ".join(study.name for study in known)
        rule = "more than one study has" if found else "no study has"
        raise SpecError([f"{rule} {named}; the studies of {OutputFolder(uri).uri}: {names}"])
    rows = saved.rows(found[0])
    return _rebuilt(rows, optuna.storages.InMemoryStorage(), first_rung=first_rung)


def load_storage(uri: str) -> optuna.storages.InMemoryStorage:
    """Rebuild all studies of the search at `uri`, as `load_study` does, in one storage.

    Where trials were halved, each has a second study beside it, of the values at the first rung.

    Raises:
        OutputError: no search is there, it can't be read, or its rows were made from another spec.
    """
    saved = _SavedSearch(uri)
    storage = optuna.storages.InMemoryStorage()
    every = studies(saved.spec)
    for rows in map(saved.rows, every):
        _rebuilt(rows, storage, first_rung=False)
    if saved.spec.halving is not None:
        for rows in map(saved.rows, every):
            _rebuilt(rows, storage, first_rung=True)
    return storage


@dataclass(frozen=True)
class _StudyRows:
    """What the folder holds of one study."""

    study: Study
    first_rung: int
    """The step of it; 0 where there is none."""
    searched: pyarrow.Table
    """The rows of `TRIALS` of its search, in the order of their numbers."""
    curves: pyarrow.Table
    """The rows of `CURVES` of its search, likewise, each trial's by their steps."""
    summary: Mapping[str, Any]
    """Its row of `SUMMARY`; empty before its first trial."""


class _SavedSearch:
    """A search whose studies are read one at a time."""

    def __init__(self, uri: str) -> None:
        folder = OutputFolder(uri)
        self._found = searched(folder_state(folder))
        self.spec = self._found.spec
        self._trials, self._curves = folder.trials_by_study(), folder.curves_by_study()
        check_record(self._found, [*self._trials.studies, *self._curves.studies])
        halving = self.spec.halving
        self._rule = stop_rule_of(None if halving is None else Halving(**halving.model_dump()))

    def rows(self, study: Study) -> _StudyRows:
        """Read one study, and hold it to the spec."""
        trials = self._trials.of(study.name)
        refuse(self._found, misfits(StudyPlan(self.spec, study), trials).values())
        in_search = pyarrow.compute.field("phase") == "search"
        summary = summarise(trials).to_pylist()
        return _StudyRows(
            study=study,
            first_rung=min(self._rule.rungs(int(study.fixed["steps"])), default=0),
            searched=trials.filter(in_search),
            curves=self._curves.of(study.name, _CURVE_COLUMNS).filter(in_search),
            summary=summary[0] if summary else {},
        )


def _rebuilt(rows: _StudyRows, storage: BaseStorage, *, first_rung: bool) -> optuna.Study:
    metric, ending = (f"{METRIC}_first_rung", FIRST_RUNG) if first_rung else (METRIC, "")
    with quiet_optuna(), warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        rebuilt = optuna.create_study(storage=storage, study_name=rows.study.name + ending)
        rebuilt.set_metric_names([metric])
    known = {CONFIRMED[name]: rows.summary.get(name) for name in CONFIRMED}
    confirmed = {name: value for name, value in known.items() if value is not None}
    for name, value in confirmed.items():
        rebuilt.set_user_attr(name, value)
    for trial in _trials(rows, first_rung=first_rung):
        if trial.user_attrs["trial"] == rows.summary.get("best_trial"):
            trial.user_attrs |= confirmed
        rebuilt.add_trial(trial)
    return rebuilt


def _trials(rows: _StudyRows, *, first_rung: bool) -> Iterator[FrozenTrial]:
    distributions = distributions_of(rows.study.space)
    rungs = _rungs(rows.curves)
    space, attributes, times = (
        _dicts(rows.searched, names)
        for names in ([*distributions], ATTRIBUTES, ("started_at", "pack_seconds"))
    )
    for hyperparameters, attrs, timed in zip(space, attributes, times, strict=True):
        of_trial = rungs.get(attrs["trial"], {})
        outcome = Outcome(
            hyperparameters=hyperparameters,
            status=attrs["status"],
            nmse=attrs["nmse"],
            rungs=tuple(of_trial.items()),
        )
        trial = LoadedTrial.of(finished_trial(outcome, distributions))
        nmse = of_trial.get(rows.first_rung, attrs["nmse"]) if first_rung else attrs["nmse"]
        if nmse is not None:
            trial.state, trial.value = TrialState.COMPLETE, log10_nmse(nmse)
        intermediate = trial.intermediate_values.items()
        trial.intermediate_values = {step: log10_nmse(rung) for step, rung in intermediate}
        trial.user_attrs = attrs
        started = timed["started_at"].astimezone().replace(tzinfo=None)  # Optuna's: local, no zone
        trial.datetime_start = started
        trial.datetime_complete = started + timedelta(seconds=timed["pack_seconds"])
        yield trial


def _rungs(curves: pyarrow.Table) -> dict[int, dict[int, float]]:
    """The nmse at each step at which a trial was evaluated and finite, by its number."""
    rungs: dict[int, dict[int, float]] = {}
    columns = (curves[name].to_pylist() for name in ("trial", "step", "nmse_at_step"))
    for trial, step, nmse in zip(*columns, strict=True):
        if nmse is not None:
            rungs.setdefault(trial, {})[step] = nmse
    return rungs


def _dicts(table: pyarrow.Table, names: Sequence[str]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = table.select(names).to_pylist()
    return rows if names else [{} for _ in range(table.num_rows)]
