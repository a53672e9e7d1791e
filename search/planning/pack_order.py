"""Which pack of a study comes next: keys alone, whatever the packs hold."""

from spaces import Spec
from spaces.vocabulary import Phase
from trainables import PackKey

from .suggestion import needed_packs, pack_count


class PackOrder:
    """The packs of one study: those of its search, then one confirm pack per steps factor.

    What has started and what has finished decides what can start; the time doesn't.
    """

    def __init__(self, spec: Spec, study: str) -> None:
        """A study none of whose packs has started."""
        self._spec, self._study = spec, study
        self._search_packs = pack_count(spec)
        self._confirm_packs = 0 if spec.confirm is None else len(spec.confirm.steps_factors)
        self._started: set[PackKey] = set()
        self._finished: set[PackKey] = set()
        self._first_not_started = self._first_not_finished = 0
        self._winner = False

    @property
    def started(self) -> int:
        """The number of packs started."""
        return len(self._started)

    @property
    def searched(self) -> bool:
        """Whether all packs of the search have finished."""
        return self._first_not_finished == self._search_packs

    @property
    def finished(self) -> bool:
        """Whether no pack is left."""
        return self.searched and self._finished.issuperset(self._confirm_keys())

    @property
    def exhausted(self) -> bool:
        """Whether every pack, also those to come, has been started."""
        return self._next() is None and (self.searched or not self._confirm_packs)

    def start(self) -> PackKey | None:
        """The next pack that can start now, marked as started; None if none can."""
        key = self._next()
        if key is None or not self._may_start(key):
            return None
        self._started.add(key)
        return key

    def finish(self, key: PackKey, *, winner: bool) -> None:
        """Take in that a pack has finished, of this run or of an earlier one.

        `winner`: whether a trial of the study has been completed by then, to be confirmed.
        """
        self._started.add(key)
        self._finished.add(key)
        self._winner = winner
        while self._key("search", self._first_not_finished) in self._finished:
            self._first_not_finished += 1

    def _next(self) -> PackKey | None:
        """The first pack known to be needed that has not started, whether it can start or not."""
        while self._key("search", self._first_not_started) in self._started:
            self._first_not_started += 1
        if self._first_not_started < self._search_packs:
            return self._key("search", self._first_not_started)
        return next((key for key in self._confirm_keys() if key not in self._started), None)

    def _may_start(self, key: PackKey) -> bool:
        """Whether all packs have finished that a pack is suggested from: always the first ones."""
        needed = 0 if key.phase == "confirm" else len(needed_packs(self._spec, key.number))
        return needed <= self._first_not_finished

    def _confirm_keys(self) -> list[PackKey]:
        """The confirm packs known to be needed: all of them once there is a winner."""
        if not self.searched or not self._winner:
            return []
        return [self._key("confirm", number) for number in range(self._confirm_packs)]

    def _key(self, phase: Phase, number: int) -> PackKey:
        return PackKey(self._study, phase, number)
