"""What became of a study's trials, in columns: some numbers for each, however many there are."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy
import pyarrow as pa
from numpy.typing import NDArray

from spaces import Choices, FloatRange, IntRange, Spec, Study
from spaces.domains import Domain
from spaces.vocabulary import STATUSES, Value

from .outcome import Outcome

Numbers = NDArray[numpy.float64]

_NUMBERS = ("status", "steps", "nmse")
"""Kept beside the values of the space; a status by its place in `STATUSES`."""


class History(Mapping[int, Sequence[Outcome]]):
    """The outcomes of the packs of a study's search that have finished, by their numbers.

    An outcome is made when it is asked for. Of a trial's rungs it has the last one alone, where the
    trial was pruned: what a sampler ranks it by.
    """

    def __init__(self, spec: Spec, study: Study) -> None:
        """A study none of whose packs has finished."""
        self._pack_size = spec.budget.pack_size
        self._space = study.space
        self._columns: dict[str, Numbers] = {
            name: _missing(0) for name in (*_NUMBERS, *self._space)
        }
        self._sizes: dict[int, int] = {}

    def __getitem__(self, number: int) -> tuple[Outcome, ...]:
        """The outcomes of a pack, in the order of its trials."""
        first = number * self._pack_size
        rows = slice(first, first + self._sizes[number])
        status, steps, nmse = (self._columns[name][rows].tolist() for name in _NUMBERS)
        values = [
            [_value(domain, each) for each in self._columns[name][rows].tolist()]
            for name, domain in self._space.items()
        ]
        return tuple(
            _outcome(dict(zip(self._space, chosen, strict=True)), told)
            for *chosen, told in zip(*values, zip(status, steps, nmse, strict=True), strict=True)
        )

    def __contains__(self, number: object) -> bool:
        """Whether a pack has finished."""
        return number in self._sizes

    def __iter__(self) -> Iterator[int]:
        """The numbers of the packs."""
        return iter(self._sizes)

    def __len__(self) -> int:
        """How many packs."""
        return len(self._sizes)

    def take(self, searched: pa.Table) -> None:
        """Take in rows of `TRIALS`: whole packs of this study's search."""
        trials = searched["trial"].to_numpy()
        if not len(trials):
            return
        packs, sizes = numpy.unique(searched["pack"].to_numpy(), return_counts=True)
        self._sizes.update(zip(packs.tolist(), sizes.tolist(), strict=True))
        self._grow(int(trials.max()) + 1)
        statuses = _codes(searched["status"], STATUSES)
        for name, numbers in (
            ("status", statuses),
            *((name, _floats(searched[name])) for name in ("steps", "nmse")),
            *((name, _numbers_of(domain, searched[name])) for name, domain in self._space.items()),
        ):
            self._columns[name][trials] = numbers

    def _grow(self, trials: int) -> None:
        """Make room for so many, and for more to come."""
        known = len(self._columns["status"])
        if trials > known:
            more = max(trials, known + known // 2) - known
            self._columns = {
                name: numpy.concatenate([column, _missing(more)])
                for name, column in self._columns.items()
            }


def _missing(size: int) -> Numbers:
    return numpy.full(size, numpy.nan)


def _outcome(
    hyperparameters: Mapping[str, Value | None], told: tuple[float, float, float]
) -> Outcome:
    code, steps, nmse = told
    status = STATUSES[int(code)]
    known = None if numpy.isnan(nmse) else nmse
    pruned_at = ((int(steps), nmse),) if status == "pruned" and known is not None else ()
    return Outcome(hyperparameters=hyperparameters, status=status, nmse=known, rungs=pruned_at)


def _value(domain: Domain, number: float) -> Value | None:
    """The value that a number stands for: None for what a trial's optimiser doesn't read."""
    if numpy.isnan(number):
        return None
    match domain:
        case Choices(choices=choices):
            return choices[int(number)]
        case IntRange():
            return int(number)
        case FloatRange():
            return number


def _numbers_of(domain: Domain, column: pa.ChunkedArray) -> Numbers:
    return _codes(column, domain.choices) if isinstance(domain, Choices) else _floats(column)


def _codes(column: pa.ChunkedArray, choices: Sequence[Value]) -> Numbers:
    """The places of values among the choices; NaN for a null."""
    encoded = column.combine_chunks().dictionary_encode()
    places = {value: place for place, value in enumerate(choices)}
    of_code = numpy.array([places[value] for value in encoded.dictionary.to_pylist()], float)
    codes = _floats(encoded.indices)
    numbers = _missing(len(codes))
    known = ~numpy.isnan(codes)
    numbers[known] = of_code[codes[known].astype(int)]
    return numbers


def _floats(column: Any) -> Numbers:
    """The numbers of a column; NaN for a null."""
    return numpy.asarray(column.to_numpy(zero_copy_only=False), float)
