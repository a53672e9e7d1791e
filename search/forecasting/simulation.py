"""A search against a simulated clock: how long it takes on so many workers."""

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

from spaces import Spec, studies
from trainables import PackKey

from ..planning.pack_order import PackOrder
from ..planning.seconds_together import seconds_together


@dataclass(frozen=True, kw_only=True)
class Simulated:
    """How a search went."""

    seconds: float
    busy_seconds: float
    """Of all workers together."""
    packs: int
    trials: int
    """Of the search, over all studies."""
    most_busy: int
    """The most workers that had a pack at the same time."""

    def utilisation(self, workers: int) -> float:
        """The share of the workers' time in which they had a pack."""
        return self.busy_seconds / (self.seconds * workers) if self.seconds else 0.0


def seconds_of_confirm(spec: Spec, seconds_of: Callable[[PackKey], float]) -> list[float]:
    """How long a worker takes for each confirm pack of all studies."""
    factors = range(0 if spec.confirm is None else len(spec.confirm.steps_factors))
    keys = [PackKey(study.name, "confirm", n) for study in studies(spec) for n in factors]
    return [seconds_of(key) for key in keys]


def simulate(
    spec: Spec,
    workers: int,
    seconds_of: Callable[[PackKey], float],
    *,
    time: float = math.inf,
) -> Simulated:
    """Run the order of a search's packs; `seconds_of` says how long a worker takes for each.

    The packs start in the order of a real search, and wait for what they wait for there. The time
    of a suggestion, of Ray's start and of a worker's first pack is not in it. After `time`, in
    seconds, no pack of the search would end, and confirm would not either.
    """
    orders = [PackOrder(spec, study.name) for study in studies(spec)]
    places = {study.name: place for place, study in enumerate(studies(spec))}
    confirm_packs = range(0 if spec.confirm is None else len(spec.confirm.steps_factors))
    confirm_seconds = 0.0
    if time < math.inf:
        confirm_seconds = seconds_together(seconds_of_confirm(spec, seconds_of), workers)
    # Studies that may have a pack to start, the fewest started first; the others wait for one.
    ready = [(0, place) for place in places.values()]
    waiting: set[int] = set()
    running: list[tuple[float, int, PackKey]] = []
    now = busy = 0.0
    turn, packs, ended_packs, trials, most = count(), 0, 0, 0, 0
    closed = False
    while True:
        if ended_packs and not closed and now + busy / packs + confirm_seconds >= time:
            closed = True
            for order in orders:
                order.close()
                if order.searched and order.started:
                    order.confirm(confirm_packs)
            ready = [(order.started, place) for place, order in enumerate(orders)]
            heapq.heapify(ready)
            waiting.clear()
        while len(running) < workers and ready:
            _, place = heapq.heappop(ready)
            key = orders[place].start()
            if key is None:
                waiting.add(place)
                continue
            heapq.heappush(ready, (orders[place].started, place))
            seconds = seconds_of(key)
            heapq.heappush(running, (now + seconds, next(turn), key))
            busy, packs = busy + seconds, packs + 1
            trials += spec.budget.members(key.number) if key.phase == "search" else 0
        if not running:
            return Simulated(
                seconds=now, busy_seconds=busy, packs=packs, trials=trials, most_busy=most
            )
        most = max(most, len(running))
        now, _, ended = heapq.heappop(running)
        ended_packs += 1
        place = places[ended.study]
        orders[place].finish(ended)
        if orders[place].searched:
            orders[place].confirm(confirm_packs)
        if place in waiting:
            waiting.remove(place)
            heapq.heappush(ready, (orders[place].started, place))
