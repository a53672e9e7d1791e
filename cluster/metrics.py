"""A search's numbers as Ray metrics, for Prometheus."""

from collections.abc import Mapping
from dataclasses import dataclass

from ray.util.metrics import Gauge


@dataclass(frozen=True, kw_only=True)
class SearchNumbers:
    """How far a search is."""

    trials: Mapping[str, int]
    """Status to the trials that ended so."""
    trials_left: Mapping[str, int]
    """Study to its trials that have not ended."""
    best_nmse: Mapping[str, float]
    """Study to the lowest nmse of its completed trials; a study without any is left out."""
    packs_in_flight: int
    member_steps_per_second: float
    samples_per_second: float
    seconds_since_last_pack: float


class SearchMetrics:
    """Gauges of one search; Prometheus sees them as `ray_dottune_...`, tagged with the search.

    Ray forgets a gauge about 20 seconds after it was last set: `set` is to be called every few
    seconds, changed or not. Needs a connection to Ray.
    """

    def __init__(self, search: str) -> None:
        """Make the gauges of the search of that name."""
        self._search = {"search": search}
        self._trials = _gauge("trials", "Trials that have ended, by status.", "status")
        self._trials_left = _gauge("trials_left", "Trials that have not ended.", "study")
        self._best_nmse = _gauge("best_nmse", "Lowest nmse of the completed trials.", "study")
        self._packs_in_flight = _gauge("packs_in_flight", "Packs that workers train now.")
        self._member_steps = _gauge(
            "member_steps_per_second", "Optimizer steps of all networks, over the last minute."
        )
        self._samples = _gauge(
            "samples_per_second", "Training pairs seen by all networks, over the last minute."
        )
        self._last_pack = _gauge(
            "seconds_since_last_pack", "Seconds since a pack finished, or since the start."
        )

    def set(self, numbers: SearchNumbers) -> None:
        """Set every gauge."""
        for status, count in numbers.trials.items():
            self._trials.set(count, {**self._search, "status": status})
        for study, left in numbers.trials_left.items():
            self._trials_left.set(left, {**self._search, "study": study})
        for study, nmse in numbers.best_nmse.items():
            self._best_nmse.set(nmse, {**self._search, "study": study})
        self._packs_in_flight.set(numbers.packs_in_flight, self._search)
        self._member_steps.set(numbers.member_steps_per_second, self._search)
        self._samples.set(numbers.samples_per_second, self._search)
        self._last_pack.set(numbers.seconds_since_last_pack, self._search)


def _gauge(name: str, description: str, *tags: str) -> Gauge:
    return Gauge(f"dottune_{name}", description, tag_keys=("search", *tags))
