"""Suggestions: which configurations a pack of a study trains.

A pure function of its arguments, without Ray, clock or global random state: the same spec gives the
same trials whatever the number of workers and the order in which packs finish. The first packs are
quasi-random; each later one comes from a sampler that is rebuilt and reseeded for it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from spaces import Choices, IntRange, Spec, Study
from spaces.domains import Domain
from spaces.vocabulary import Value, unused_hyperparameters

from .known_good import known_good
from .outcome import Outcome
from .samplers import SAMPLERS, PackRequest
from .seeds import derive_seed

_ROUNDING = 1e-9
"""By what share a number may lie beyond the ends of its range."""


class SamplerError(Exception):
    """A sampler failed, or what it gave is not what it was asked for."""


def pack_count(spec: Spec) -> int | None:
    """Return the number of packs of each study; the last may be smaller than the others.

    None where the time alone ends the search.
    """
    trials = spec.budget.trials
    return None if trials is None else math.ceil(trials / spec.budget.pack_size)


def needed_packs(spec: Spec, number: int) -> range:
    """Return the packs of the study whose results pack `number` is suggested from.

    A fixed lag: all packs up to `number - packs_in_flight`, whatever else has finished by then;
    none for the start packs and for samplers that don't learn.
    """
    if number < spec.budget.startup_packs or not spec.learns:
        return range(0)
    return range(max(0, number - spec.budget.packs_in_flight + 1))


def running_packs(spec: Spec, number: int) -> range:
    """Return the packs that pack `number` takes for running: between the needed ones and itself."""
    if number < spec.budget.startup_packs or not spec.learns:
        return range(0)
    return range(len(needed_packs(spec, number)), number)


def suggest(
    study: Study,
    spec: Spec,
    *,
    number: int,
    history: Mapping[int, Sequence[Outcome]],
    running: Sequence[Sequence[Mapping[str, Value]]],
) -> list[dict[str, Value]]:
    """Return the space's hyperparameters for each member of pack `number` of `study`.

    Args:
        study: one of the studies of `spec`.
        spec: gives the seed, the sampler and the budget.
        number: of the pack, from 0.
        history: pack number to its members' outcomes, in their order; at least the
            `needed_packs`. Other packs in it are ignored.
        running: the members' hyperparameters of each of the `running_packs`, in their order.

    Raises:
        ValueError: if there is no pack of that number, or `history` or `running` lacks a pack.
        SamplerError: the sampler failed, or gave no such pack.
    """
    _check_packs(spec, number, history, running)
    outcomes = [outcome for pack in needed_packs(spec, number) for outcome in history[pack]]
    first = number * spec.budget.pack_size
    request = PackRequest(
        space={name: study.space[name] for name in sorted(study.space)},
        first=first,
        size=spec.budget.members(number),
        seed=derive_seed(
            seed=study.seed, study=study, purpose="suggestion", number=number, bits=32
        ),
        sequence_seed=derive_seed(seed=study.seed, study=study, purpose="startup", number=0),
        finished=[
            replace(outcome, hyperparameters=_as_seen(outcome.hyperparameters, study))
            for outcome in outcomes
        ],
        running=[_as_seen(member, study) for pack in running for member in pack],
    )
    starts = number < spec.budget.startup_packs
    members = _members("qmc" if starts else spec.sampler, request)
    if number == 0:  # the sequence's first point gives way to it
        members[0] = {name: known_good(name, domain) for name, domain in request.space.items()}
    return members


def _members(sampler: str, request: PackRequest) -> list[dict[str, Value]]:
    """What the sampler gives, which may be another package's: held to what was asked for."""
    try:
        answer = list(SAMPLERS[sampler](request))
        if len(answer) != request.size:
            raise ValueError(f"it must give {request.size} members, and gave {len(answer)}")
        return [
            {
                name: _as_written(name, domain, member[name])
                for name, domain in request.space.items()
            }
            for member in answer
        ]
    except Exception as error:
        reason = f"no value of {error}" if type(error) is KeyError else error
        raise SamplerError(f"the sampler {sampler} failed: {reason}") from error


def _as_seen(hyperparameters: Mapping[str, Value | None], study: Study) -> dict[str, Value]:
    """Return a trial's values as samplers are to see them: every one, no difference that is none.

    What its optimiser or its model doesn't read made no difference, and is null in its row: it gets
    the same value in all such trials, suggested or finished.
    """
    optimizer = hyperparameters.get("optimizer", study.fixed.get("optimizer"))
    unused = unused_hyperparameters(
        [optimizer], [study.fixed.get("model", "mlp")], [study.task["data"]]
    )
    seen: dict[str, Value] = {}
    for name, value in hyperparameters.items():
        known = None if name in unused else value
        seen[name] = known_good(name, study.space[name]) if known is None else known
    return seen


def _as_written(name: str, domain: Domain, value: Value) -> Value:
    """The value in the domain's own type, whatever number's type a sampler gives.

    Optuna adds up steps in floating point: 0.3 comes back as 0.30000000000000004.

    Raises:
        ValueError: it is not in the domain.
    """
    if isinstance(domain, Choices):
        if value in domain.choices:
            return domain.choices[domain.choices.index(value)]
    elif isinstance(domain, IntRange):
        if domain.low <= int(value) <= domain.high and int(value) == value:
            return int(value)
    else:
        number = float(value)
        rounding = _ROUNDING * max(abs(domain.low), abs(domain.high))
        if domain.low - rounding <= number <= domain.high + rounding:
            return number if domain.step is None else domain.nearest(number)
    raise ValueError(f"{name}: {value!r} is not in {domain.model_dump(exclude_none=True)}")


def _check_packs(
    spec: Spec,
    number: int,
    history: Mapping[int, Sequence[Outcome]],
    running: Sequence[Sequence[Mapping[str, Value]]],
) -> None:
    count = pack_count(spec)
    if number < 0 or (count is not None and number >= count):
        known = "at least 0" if count is None else f"between 0 and {count - 1}"
        raise ValueError(f"pack must be {known}; got {number}")
    missing = [pack for pack in needed_packs(spec, number) if pack not in history]
    if missing:
        raise ValueError(
            f"pack {number} needs the results of packs {missing}, but history holds only "
            f"{sorted(history)}; suggest it once they have finished"
        )
    expected = running_packs(spec, number)
    if len(running) != len(expected):
        raise ValueError(
            f"pack {number} needs the hyperparameters of the running packs {list(expected)}; "
            f"got {len(running)} packs"
        )
