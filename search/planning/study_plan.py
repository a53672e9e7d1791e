"""One study on its way: which pack comes next, from the rows of the packs that have finished."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Any, NamedTuple

import pyarrow
import pyarrow.compute

from results.rows import PackResult, table_of_trials
from results.tally import StudyTally
from spaces import Spec, Study
from spaces.vocabulary import PHASES, configuration_of
from trainables import EarlyStopping, Halving, Member, Pack, PackKey, Task

from .history import History
from .pack_order import PackOrder
from .seeds import derive_seeds
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
        self.tally = StudyTally()
        """What the rows of the packs that have finished come to."""
        self._suggested: dict[int, list[Hyperparameters]] = {}
        """Of packs that have not finished."""
        self._history = History(spec, study)
        self._order = PackOrder(spec, study.name)
        self._confirm_packs: dict[int, _ConfirmPack] = {}

    @property
    def name(self) -> str:
        """The study's readable name."""
        return self.study.name

    @property
    def trials(self) -> int | None:
        """The number of trials of the search; None while the time alone is to end it."""
        packs, budget = self._order.search_packs, self.spec.budget
        if not packs:
            return packs
        return (packs - 1) * budget.pack_size + budget.members(packs - 1)

    @property
    def trials_ended(self) -> int:
        """Trials of the search phase whose rows are written."""
        return self.tally.trials

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

    def next_pack(self) -> Pack | None:
        """The next pack that can start now, marked as started; None if none can."""
        key = self._order.start()
        if key is None:
            return None
        pack = self._search_pack if key.phase == "search" else self._confirm_pack
        return pack(key.number)

    def search_seeds(self, trials: Sequence[int]) -> dict[str, list[int]]:
        """The seeds of trials, by their numbers: all of a study see the same batches and pairs."""
        data = self._seeds("training batches", [0])
        pairs = self._seeds("selection pairs", [0])
        return {
            "initialisation_seed": self._seeds("initialisation", trials),
            "data_seed": data * len(trials),
            "evaluation_seed": pairs * len(trials),
        }

    def confirm_seeds(self, replicates: Sequence[int]) -> dict[str, list[int]]:
        """The seeds of confirm replicates, by their numbers: each has its own data."""
        return {
            "initialisation_seed": self._seeds("confirm initialisation", replicates),
            "data_seed": self._seeds("confirm training batches", replicates),
            "evaluation_seed": self._seeds("confirm evaluation pairs", replicates),
        }

    def finish(self, key: PackKey, result: PackResult) -> None:
        """Take in the rows of a pack of this run that has finished."""
        self.restore(table_of_trials(result.trials))

    def restore(self, trials: pyarrow.Table) -> None:
        """Take in rows of `TRIALS`: whole packs of this study, none of them taken in before."""
        self.tally.take(trials)
        for phase in PHASES:
            rows = trials.filter(pyarrow.compute.field("phase") == phase)
            if phase == "search":
                self._history.take(rows)
            for number in rows["pack"].unique().to_pylist():
                self._order.finish(PackKey(self.name, phase, number))
        for number in self._suggested.keys() & self._history.keys():
            del self._suggested[number]
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
        if self.spec.confirm is None or self.tally.best is None:
            return in_flight
        covered = {(row.steps_factor, row.replicate) for row in self.tally.replicates}
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

    def _seeds(self, purpose: str, numbers: Sequence[int]) -> list[int]:
        study = self.study
        return [*derive_seeds(seed=study.seed, study=study, purpose=purpose, numbers=numbers)]

    def _search_pack(self, number: int) -> Pack:
        running = [self._suggestions(pack) for pack in running_packs(self.spec, number)]
        suggested = suggest(
            self.study, self.spec, number=number, history=self._history, running=running
        )
        self._suggested[number] = list(suggested)
        first = number * self.spec.budget.pack_size
        trials = range(first, first + len(suggested))
        members = tuple(
            self._member(hyperparameters, trial=trial, replicate=0, **seeds)
            for hyperparameters, trial, seeds in zip(
                suggested, trials, _rows_of(self.search_seeds(trials)), strict=True
            )
        )
        halving = self.spec.halving
        return self._pack(
            number=number,
            phase="search",
            steps_factor=1,
            halving=None if halving is None else Halving(**halving.model_dump()),
            members=members,
        )

    def _suggestions(self, number: int) -> Sequence[Hyperparameters]:
        """What an earlier pack was given; made again where a resumed search lacks its rows."""
        if number in self._history:
            return [outcome.hyperparameters for outcome in self._history[number]]
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
        best = self.tally.best
        assert best is not None
        confirmed = self._confirm_packs[number]
        members = tuple(
            self._member(
                {name: best.hyperparameters[name] for name in self.study.space},
                trial=best.trial,
                replicate=replicate,
                **seeds,
            )
            for replicate, seeds in zip(
                confirmed.replicates,
                _rows_of(self.confirm_seeds(confirmed.replicates)),
                strict=True,
            )
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
            hyperparameters=configuration_of(
                {**self.study.fixed, **hyperparameters}, self.study.task["data"]
            ),
            **identity,
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


def _rows_of(columns: Mapping[str, Sequence[int]]) -> Iterator[dict[str, int]]:
    return (
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    )
