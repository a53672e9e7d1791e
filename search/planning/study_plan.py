"""One study on its way: which pack comes next, from the rows of the packs that have finished."""

from collections.abc import Mapping
from typing import Any

from results.rows import PackResult, TrialRow
from spaces import Spec, Study
from spaces.vocabulary import Phase, best_trial, configuration_of
from trainables import EarlyStopping, Halving, Member, Pack, PackKey, Task

from .outcome import Outcome
from .seeds import derive_seed
from .suggestion import needed_packs, pack_count, running_packs, suggest

Hyperparameters = Mapping[str, Any]


class StudyPlan:
    """The packs of one study: those of its search, then one confirm pack per steps factor.

    A pure function of the spec and of the rows given to `finish`: neither the time nor the order in
    which packs finish changes any pack. Needs no Ray.
    """

    def __init__(self, spec: Spec, study: Study) -> None:
        """A study none of whose packs has run."""
        self.spec, self.study = spec, study
        self._steps_factors = () if spec.confirm is None else tuple(spec.confirm.steps_factors)
        self._suggested: dict[int, list[Hyperparameters]] = {}
        self._history: dict[int, tuple[Outcome, ...]] = {}
        self._started: set[PackKey] = set()
        self._finished: set[PackKey] = set()
        self._next = 0
        self._best: TrialRow | None = None
        self.trial_rows: list[TrialRow] = []

    @property
    def name(self) -> str:
        """The study's readable name."""
        return self.study.name

    @property
    def trials_ended(self) -> int:
        """Trials of the search phase whose rows are written."""
        return sum(len(outcomes) for outcomes in self._history.values())

    @property
    def started(self) -> int:
        """The number of packs started."""
        return len(self._started)

    @property
    def finished(self) -> bool:
        """Whether no pack is left."""
        return self._searched and self._finished.issuperset(self._confirm_keys())

    @property
    def exhausted(self) -> bool:
        """Whether every pack, also those to come, has been started."""
        return self._first_not_started() is None and (self._searched or not self._steps_factors)

    def next_pack(self) -> Pack | None:
        """The next pack that can start now, marked as started; None if none can."""
        key = self._first_not_started()
        if key is None:
            return None
        if key.phase == "search":
            if not all(number in self._history for number in needed_packs(self.spec, key.number)):
                return None
            pack = self._search_pack(key.number)
        else:
            pack = self._confirm_pack(key.number)
        self._started.add(key)
        return pack

    def search_seeds(self, trial: int) -> dict[str, int]:
        """The seeds of a trial: all of a study see the same batches and pairs."""
        return {
            "initialisation_seed": self._seed("initialisation", trial),
            "data_seed": self._seed("training batches", 0),
            "evaluation_seed": self._seed("selection pairs", 0),
        }

    def confirm_seeds(self, replicate: int) -> dict[str, int]:
        """The seeds of a confirm replicate: each has its own data."""
        return {
            "initialisation_seed": self._seed("confirm initialisation", replicate),
            "data_seed": self._seed("confirm training batches", replicate),
            "evaluation_seed": self._seed("confirm evaluation pairs", replicate),
        }

    def finish(self, key: PackKey, result: PackResult) -> None:
        """Take in the rows of a finished pack, of this run or of an earlier one."""
        self._started.add(key)
        self._finished.add(key)
        self.trial_rows += result.trials
        if key.phase == "search":
            outcomes = outcomes_of(self.study, result)
            self._history[key.number] = outcomes
            self._suggested[key.number] = [outcome.hyperparameters for outcome in outcomes]
            known = () if self._best is None else (self._best,)
            self._best = best_trial([*known, *result.trials])

    @property
    def _searched(self) -> bool:
        """Whether all packs of the search have finished."""
        return len(self._history) == pack_count(self.spec)

    def _first_not_started(self) -> PackKey | None:
        """The first pack known to be needed that has not started, whether it can start or not."""
        while self._key("search", self._next) in self._started:
            self._next += 1
        if self._next < pack_count(self.spec):
            return self._key("search", self._next)
        return next((key for key in self._confirm_keys() if key not in self._started), None)

    def _confirm_keys(self) -> list[PackKey]:
        """The confirm packs known to be needed: all of them once there is a winner."""
        if not self._searched or self._best is None:
            return []
        return [self._key("confirm", number) for number in range(len(self._steps_factors))]

    def _key(self, phase: Phase, number: int) -> PackKey:
        return PackKey(self.name, phase, number)

    def _seed(self, purpose: str, number: int) -> int:
        return derive_seed(seed=self.study.seed, study=self.study, purpose=purpose, number=number)

    def _search_pack(self, number: int) -> Pack:
        running = [self._suggestions(pack) for pack in running_packs(self.spec, number)]
        suggested = suggest(
            self.study, self.spec, number=number, history=self._history, running=running
        )
        self._suggested[number] = list(suggested)
        first = number * self.spec.budget.pack_size
        members = tuple(
            self._member(
                hyperparameters,
                trial=first + index,
                replicate=0,
                **self.search_seeds(first + index),
            )
            for index, hyperparameters in enumerate(suggested)
        )
        halving = self.spec.halving
        return self._pack(
            number=number,
            phase="search",
            steps_factor=1,
            halving=None if halving is None else Halving(**halving.model_dump()),
            members=members,
        )

    def _suggestions(self, number: int) -> list[Hyperparameters]:
        """What an earlier pack was given; made again where a resumed search lacks its rows."""
        if number not in self._suggested:
            running = [self._suggestions(pack) for pack in running_packs(self.spec, number)]
            self._suggested[number] = list(
                suggest(
                    self.study, self.spec, number=number, history=self._history, running=running
                )
            )
        return self._suggested[number]

    def _confirm_pack(self, number: int) -> Pack:
        """All replicates of the winner for one steps factor; each has its own data."""
        best = self._best
        assert best is not None
        assert self.spec.confirm is not None
        members = tuple(
            self._member(
                {name: best.hyperparameters[name] for name in self.study.space},
                trial=best.trial,
                replicate=replicate,
                **self.confirm_seeds(replicate),
            )
            for replicate in range(self.spec.confirm.replicates)
        )
        return self._pack(
            number=number,
            phase="confirm",
            steps_factor=self._steps_factors[number],
            halving=None,
            members=members,
        )

    def _member(self, hyperparameters: Hyperparameters, **identity: int) -> Member:
        return Member(
            hyperparameters=configuration_of({**self.study.fixed, **hyperparameters}), **identity
        )

    def _pack(self, *, steps_factor: int, **rest: Any) -> Pack:
        fixed: Mapping[str, Any] = self.study.fixed
        task: Mapping[str, Any] = self.study.task
        early = self.spec.early_stopping
        return Pack(
            search=self.spec.name,
            study=self.name,
            seed=self.study.seed,
            task=Task(**task),
            batch_size=fixed["batch_size"],
            steps=fixed["steps"] * steps_factor,
            steps_factor=steps_factor,
            early_stopping=None if early is None else EarlyStopping(**early.model_dump()),
            tf32=self.spec.resources.tf32,
            **rest,
        )


def outcomes_of(study: Study, result: PackResult) -> tuple[Outcome, ...]:
    """What became of the members of a finished pack of the search, in the order of its rows."""
    rungs: dict[int, list[tuple[int, float]]] = {}
    for point in result.curves:
        if point.nmse_at_step is not None:
            rungs.setdefault(point.trial, []).append((point.step, point.nmse_at_step))
    return tuple(
        Outcome(
            hyperparameters={name: row.hyperparameters[name] for name in study.space},
            status=row.status,
            nmse=row.nmse,
            rungs=tuple(sorted(rungs.get(row.trial, ()))),
        )
        for row in result.trials
    )
