"""One study on its way: which pack comes next, from the rows of the packs that have finished."""

from collections.abc import Mapping
from itertools import count
from typing import Any, NamedTuple

from results.rows import PackResult, TrialRow
from spaces import Spec, Study
from spaces.vocabulary import best_trial, configuration_of
from trainables import EarlyStopping, Halving, Member, Pack, PackKey, Task

from .outcome import Outcome
from .pack_order import PackOrder
from .seeds import derive_seed
from .suggestion import running_packs, suggest

Hyperparameters = Mapping[str, Any]


class _ConfirmPack(NamedTuple):
    steps_factor: int
    replicates: tuple[int, ...]


class StudyPlan:
    """The packs of one study: those of its search, then one confirm pack per steps factor.

    Of a search that was extended the confirm rows of an earlier winner stay, and only what the
    winner lacks is confirmed, by packs of further numbers.

    A pure function of the spec and of the rows given to `finish`: neither the time nor the order in
    which packs finish changes any pack. Needs no Ray.
    """

    def __init__(self, spec: Spec, study: Study) -> None:
        """A study none of whose packs has run."""
        self.spec, self.study = spec, study
        self._suggested: dict[int, list[Hyperparameters]] = {}
        self._history: dict[int, tuple[Outcome, ...]] = {}
        self._order = PackOrder(spec, study.name)
        self._best: TrialRow | None = None
        self._confirm_packs: dict[int, _ConfirmPack] = {}
        self._confirmed: set[tuple[int, int, int]] = set()
        """The trial, steps factor and replicate of each confirm row."""
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
        return self._order.started

    @property
    def searched(self) -> bool:
        """Whether all packs of the search have finished."""
        return self._order.searched

    @property
    def finished(self) -> bool:
        """Whether no pack is left."""
        return self._order.finished

    @property
    def exhausted(self) -> bool:
        """Whether every pack, also those to come, has been started."""
        return self._order.exhausted

    def next_pack(self) -> Pack | None:
        """The next pack that can start now, marked as started; None if none can."""
        key = self._order.start()
        if key is None:
            return None
        pack = self._search_pack if key.phase == "search" else self._confirm_pack
        return pack(key.number)

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
        self.trial_rows += result.trials
        if key.phase == "search":
            outcomes = outcomes_of(self.study, result)
            self._history[key.number] = outcomes
            self._suggested[key.number] = [outcome.hyperparameters for outcome in outcomes]
            known = () if self._best is None else (self._best,)
            self._best = best_trial([*known, *result.trials])
        else:
            self._confirmed |= {
                (row.trial, row.steps_factor, row.replicate) for row in result.trials
            }
        self._order.finish(key)
        self._plan_confirm()

    def close(self) -> None:
        """Start no further pack of the search: what has been started is all, then confirm."""
        self._order.close()
        self._plan_confirm()

    def _plan_confirm(self) -> None:
        if self._order.searched:
            self._confirm_packs = self._needed_confirm_packs()
            self._order.confirm(self._confirm_packs)

    def _needed_confirm_packs(self) -> dict[int, _ConfirmPack]:
        """By their numbers those in flight, and those for what is lacking without them.

        Numbers of earlier packs are never used again: their rows are named by them.
        """
        in_flight = {
            number: pack
            for number, pack in self._confirm_packs.items()
            if self._order.in_flight(self._confirm_key(number))
        }
        if self.spec.confirm is None or self._best is None:
            return in_flight
        covered = {
            (factor, each) for trial, factor, each in self._confirmed if trial == self._best.trial
        }
        covered |= {
            (pack.steps_factor, each) for pack in in_flight.values() for each in pack.replicates
        }
        needed = range(self.spec.confirm.replicates)
        lacking = [
            _ConfirmPack(factor, tuple(each for each in needed if (factor, each) not in covered))
            for factor in self.spec.confirm.steps_factors
        ]
        free = filter(
            lambda number: not self._order.has_started(self._confirm_key(number)), count()
        )
        return in_flight | dict(
            zip(free, (pack for pack in lacking if pack.replicates), strict=False)
        )

    def _confirm_key(self, number: int) -> PackKey:
        return PackKey(self.name, "confirm", number)

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
        """Replicates of the winner for one steps factor; each has its own data."""
        best = self._best
        assert best is not None
        confirmed = self._confirm_packs[number]
        members = tuple(
            self._member(
                {name: best.hyperparameters[name] for name in self.study.space},
                trial=best.trial,
                replicate=replicate,
                **self.confirm_seeds(replicate),
            )
            for replicate in confirmed.replicates
        )
        return self._pack(
            number=number,
            phase="confirm",
            steps_factor=confirmed.steps_factor,
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
