"""One study on its way: which pack comes next, from the rows of the packs that have finished."""

from collections.abc import Mapping, Sequence
from typing import Any

from spaces import Spec, Study
from spaces.vocabulary import configuration_of
from trainables import Halving, Member, Pack, Task

from .seeds import derive_seed
from .suggestion import Outcome, needed_packs, running_packs, suggest

Row = Mapping[str, Any]
Parameters = Mapping[str, Any]


class StudyRun:
    """The packs of one study: search packs 0 .. P - 1, then one confirm pack per steps factor.

    A pure function of the spec and of the rows given to `finish`: neither the time nor the order in
    which packs finish changes any pack. Needs no Ray.
    """

    def __init__(self, spec: Spec, study: Study) -> None:
        """A study none of whose packs has run."""
        self.spec, self.study = spec, study
        self._search_packs = -(-spec.budget.trials // spec.budget.pack_size)
        self._steps_factors = () if spec.confirm is None else tuple(spec.confirm.steps_factors)
        self._suggested: dict[int, list[Parameters]] = {}
        self._history: dict[int, tuple[Outcome, ...]] = {}
        self._started: set[int] = set()
        self._finished: set[int] = set()
        self._next = 0
        self._best: Row | None = None
        self.trial_rows: list[Row] = []

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
        searched = len(self._history) == self._search_packs
        return searched and len(self._finished) >= len(self._numbers())

    @property
    def exhausted(self) -> bool:
        """Whether every pack, also those to come, has been started."""
        searched = len(self._history) == self._search_packs
        all_started = self._first_not_started() >= len(self._numbers())
        return all_started and (searched or not self._steps_factors)

    def next_pack(self) -> Pack | None:
        """The next pack that can start now, marked as started; None if none can."""
        number = self._first_not_started()
        if number >= len(self._numbers()):
            return None
        if number < self._search_packs:
            if not self._finished.issuperset(needed_packs(self.spec, number)):
                return None
            pack = self._search_pack(number)
        else:
            pack = self._confirm_pack(number)
        self._started.add(number)
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

    def finish(self, number: int, trial_rows: Sequence[Row], curve_rows: Sequence[Row]) -> None:
        """Take in the rows of a finished pack, of this run or of an earlier one."""
        self._started.add(number)
        self._finished.add(number)
        self.trial_rows += trial_rows
        if number < self._search_packs:
            outcomes = self._outcomes(trial_rows, curve_rows)
            self._history[number] = outcomes
            self._suggested[number] = [outcome.parameters for outcome in outcomes]
            completed = [row for row in trial_rows if row["status"] == "completed"]
            if self._best is not None:
                completed.append(self._best)
            self._best = min(completed, key=lambda row: (row["nmse"], row["trial"]), default=None)

    def _first_not_started(self) -> int:
        """The lowest number of a pack that has not started, needed or not."""
        while self._next in self._started:
            self._next += 1
        return self._next

    def _numbers(self) -> range:
        """The packs known to be needed so far: confirm packs once there is a winner."""
        if len(self._history) < self._search_packs or self._best is None:
            return range(self._search_packs)
        return range(self._search_packs + len(self._steps_factors))

    def _outcomes(
        self, trial_rows: Sequence[Row], curve_rows: Sequence[Row]
    ) -> tuple[Outcome, ...]:
        rungs: dict[int, list[tuple[int, float]]] = {}
        for row in curve_rows:
            if row["nmse_at_step"] is not None:
                rungs.setdefault(row["trial"], []).append((row["step"], row["nmse_at_step"]))
        return tuple(
            Outcome(
                parameters={name: row[name] for name in self.study.space},
                status=row["status"],
                nmse=row["nmse"],
                rungs=tuple(sorted(rungs.get(row["trial"], ()))),
            )
            for row in sorted(trial_rows, key=lambda row: row["trial"])
        )

    def _seed(self, purpose: str, number: int) -> int:
        return derive_seed(seed=self.spec.seed, study=self.study, purpose=purpose, number=number)

    def _search_pack(self, number: int) -> Pack:
        running = [self._suggestions(pack) for pack in running_packs(self.spec, number)]
        suggested = suggest(
            self.study, self.spec, number=number, history=self._history, running=running
        )
        self._suggested[number] = list(suggested)
        first = number * self.spec.budget.pack_size
        members = tuple(
            self._member(
                parameters,
                trial=first + index,
                replicate=0,
                **self.search_seeds(first + index),
            )
            for index, parameters in enumerate(suggested)
        )
        halving = self.spec.halving
        return self._pack(
            number=number,
            phase="search",
            steps_factor=1,
            halving=None if halving is None else Halving(**halving.model_dump()),
            members=members,
        )

    def _suggestions(self, number: int) -> list[Parameters]:
        """The parameters of an earlier pack; made again where a resumed search lacks its rows."""
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
                {name: best[name] for name in self.study.space},
                trial=best["trial"],
                replicate=replicate,
                **self.confirm_seeds(replicate),
            )
            for replicate in range(self.spec.confirm.replicates)
        )
        return self._pack(
            number=number,
            phase="confirm",
            steps_factor=self._steps_factors[number - self._search_packs],
            halving=None,
            members=members,
        )

    def _member(self, parameters: Parameters, **identity: int) -> Member:
        return Member(
            hyperparameters=configuration_of({**self.study.fixed, **parameters}), **identity
        )

    def _pack(self, *, steps_factor: int, **rest: Any) -> Pack:
        fixed: Mapping[str, Any] = self.study.fixed
        task: Mapping[str, Any] = self.study.task
        return Pack(
            search=self.spec.name,
            study=self.name,
            task=Task(**task),
            batch_size=fixed["batch_size"],
            steps=fixed["steps"] * steps_factor,
            steps_factor=steps_factor,
            tf32=self.spec.resources.tf32,
            **rest,
        )
