"""All studies of a search on their way: which pack goes next, and what is known so far."""

import pyarrow

from results.rows import PackResult
from results.tally import StudyTally
from spaces import Spec, studies
from trainables import Pack, PackKey

from .study_plan import StudyPlan
from .suggestion import pack_count


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
    def trials(self) -> int:
        """The number of trials asked for, over all studies."""
        return self.spec.budget.trials * len(self.studies)

    @property
    def packs_at_once(self) -> int:
        """The most packs that can ever be in flight together, over all studies."""
        budget, confirm = self.spec.budget, self.spec.confirm
        confirm_packs = 0 if confirm is None else len(confirm.steps_factors)
        # Where suggestions wait for nothing, all packs of a study can start at once.
        search_packs = 0 if self.spec.learns else pack_count(self.spec)
        most = max(budget.startup_packs, budget.packs_in_flight, search_packs, confirm_packs)
        return len(self.studies) * most

    @property
    def packs_in_flight(self) -> int:
        """The packs that are in flight together for most of a search, over all studies."""
        packs = pack_count(self.spec)
        if not self.spec.learns:
            return len(self.studies) * packs
        return len(self.studies) * min(self.spec.budget.packs_in_flight, packs)

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
        """The next pack that can start: the study with the fewest packs started goes first."""
        waiting = [study for study in self.studies.values() if study.name not in self.failed]
        for study in sorted(waiting, key=lambda study: study.started):
            if pack := study.next_pack():
                return pack
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
