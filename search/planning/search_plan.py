"""All studies of a search on their way: which pack goes next, and what is known so far."""

import logging

import pyarrow

from results.rows import PackResult
from results.tally import StudyTally
from spaces import Spec, studies
from trainables import Pack, PackKey

from .study_plan import StudyPlan
from .suggestion import SamplerError, pack_count

logger = logging.getLogger(__name__)


class SearchPlan:
    """The packs of all studies, in the order in which they are to start. Needs no Ray."""

    def __init__(self, spec: Spec) -> None:
        """A search none of whose packs has run."""
        self.spec = spec
        self.studies = {study.name: StudyPlan(spec, study) for study in studies(spec)}
        self.failed: dict[str, str] = {}
        self.closed = False
        """Whether the time is up, so that no further pack of the search starts."""
        self.time_left = spec.budget.seconds
        """The seconds of `budget.time` that this run has; None without one."""

    @property
    def trials(self) -> int | None:
        """The number of trials, over all studies; None while the time alone is to end them."""
        trials = [study.trials for study in self.studies.values()]
        known = [number for number in trials if number is not None]
        return sum(known) if len(known) == len(trials) else None

    @property
    def packs_at_once(self) -> int | None:
        """The most packs that can ever be in flight together, over all studies; None: any number.

        Where suggestions wait for nothing, all packs of a study can start at once.
        """
        budget, confirm, packs = self.spec.budget, self.spec.confirm, pack_count(self.spec)
        confirm_packs = 0 if confirm is None else len(confirm.steps_factors)
        most = max(budget.startup_packs, budget.packs_in_flight, confirm_packs)
        if not self.spec.learns:
            if packs is None:
                return None
            most = max(most, packs)
        return len(self.studies) * most

    @property
    def packs_in_flight(self) -> int | None:
        """The packs in flight together for most of a search, over all studies; None: any number."""
        packs, lag = pack_count(self.spec), self.spec.budget.packs_in_flight
        if self.spec.learns:
            packs = lag if packs is None else min(lag, packs)
        return None if packs is None else len(self.studies) * packs

    @property
    def trials_ended(self) -> int:
        """The number of trials whose rows are written, over all studies."""
        return sum(study.trials_ended for study in self.studies.values())

    @property
    def finished(self) -> bool:
        """Whether every study has finished."""
        return all(study.finished for study in self.studies.values())

    @property
    def finished_tallies(self) -> list[StudyTally]:
        """What the studies that have finished came to."""
        return [study.tally for study in self.studies.values() if study.finished]

    def next_pack(self) -> Pack | None:
        """The next pack that can start: the study with the fewest packs started goes first.

        A study whose sampler fails is stopped.
        """
        waiting = [study for study in self.studies.values() if study.name not in self.failed]
        for study in sorted(waiting, key=lambda study: study.started):
            try:
                if pack := study.next_pack():
                    return pack
            except SamplerError as error:
                logger.debug("%s", error, exc_info=error)
                self.fail(study.name, str(error))
        return None

    def finish(self, key: PackKey, result: PackResult) -> None:
        """Take in the rows of a pack of this run that has finished."""
        self.studies[key.study].finish(key, result)

    def restore(self, study: str, trials: pyarrow.Table) -> None:
        """Take in rows of `TRIALS` of an earlier run: whole packs of one study."""
        self.studies[study].restore(trials)

    def close(self) -> None:
        """The time is up: end what has started, and confirm."""
        self.closed = True
        for study in self.studies.values():
            study.close()

    def fail(self, study: str, reason: str) -> None:
        """Stop a study: one of its packs could not be done. Its other packs' rows stay."""
        self.failed[study] = reason
