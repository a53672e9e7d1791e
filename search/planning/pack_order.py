"""Which pack of a study comes next: keys alone, whatever the packs hold."""

from collections.abc import Iterable

from spaces import Spec
from spaces.vocabulary import Phase
from trainables import PackKey

from .suggestion import needed_packs, pack_count


class PackOrder:
    """The packs of one study: those of its search, then the confirm packs that it then needs.

    What has started and what has finished decides what can start; the time doesn't.
    """

    def __init__(self, spec: Spec, study: str) -> None:
        """A study none of whose packs has started."""
        self._spec, self._study = spec, study
        self._search_packs = pack_count(spec)
        self._confirm_packs: tuple[PackKey, ...] = ()
        self._started: set[PackKey] = set()
        self._finished: set[PackKey] = set()
        self._first_not_started = self._first_not_finished = 0

    @property
    def started(self) -> int:
        """The number of packs started."""
        return len(self._started)

    @property
    def search_packs(self) -> int | None:
        """How many packs the search has; None while the time alone is to end it."""
        return self._search_packs

    @property
    def searched(self) -> bool:
        """Whether all packs of the search have finished."""
        return self._first_not_finished == self._search_packs

    @property
    def finished(self) -> bool:
        """Whether no pack is left."""
        return self.searched and self._finished.issuperset(self._confirm_packs)

    def has_started(self, key: PackKey) -> bool:
        """Whether a pack has been started, in this run or in an earlier one that finished it."""
        return key in self._started

    def in_flight(self, key: PackKey) -> bool:
        """Whether a pack has been started and has not finished."""
        return key in self._started and key not in self._finished

    def start(self) -> PackKey | None:
        """The next pack that can start now, marked as started; None if none can."""
        key = self._next()
        if key is None or not self._may_start(key):
            return None
        self._started.add(key)
        return key

    def finish(self, key: PackKey) -> None:
        """Take in that a pack has finished, of this run or of an earlier one."""
        self._started.add(key)
        self._finished.add(key)
        while self._key("search", self._first_not_finished) in self._finished:
            self._first_not_finished += 1

    def close(self) -> None:
        """Start no further pack of the search; those that have been started are all there are."""
        numbers = [key.number for key in self._started if key.phase == "search"]
        self._search_packs = max(numbers, default=-1) + 1

    def confirm(self, numbers: Iterable[int]) -> None:
        """Say which confirm packs have not finished; only after all of the search has."""
        self._confirm_packs = tuple(self._key("confirm", number) for number in numbers)

    def _next(self) -> PackKey | None:
        """The first pack known to be needed that has not started, whether it can start or not."""
        while self._key("search", self._first_not_started) in self._started:
            self._first_not_started += 1
        if self._search_packs is None or self._first_not_started < self._search_packs:
            return self._key("search", self._first_not_started)
        return next((key for key in self._confirm_packs if key not in self._started), None)

    def _may_start(self, key: PackKey) -> bool:
        """Whether all packs have finished that a pack is suggested from: always the first ones."""
        needed = 0 if key.phase == "confirm" else len(needed_packs(self._spec, key.number))
        return needed <= self._first_not_finished

    def _key(self, phase: Phase, number: int) -> PackKey:
        return PackKey(self._study, phase, number)
