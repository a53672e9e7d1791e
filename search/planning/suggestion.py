"""Suggestions: which configurations a pack of a study trains.

A pure function of its arguments, without Ray, clock or global random state: the same spec gives the
same trials whatever the number of workers and the order in which packs finish. The first packs are
quasi-random; each later one comes from a sampler that is rebuilt and reseeded for it.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState, create_trial

from spaces import Choices, FloatRange, IntRange, Spec, Study
from spaces.domains import Domain
from spaces.vocabulary import Status, Value, unused_hyperparameters

from .seeds import derive_seed

try:
    from .tpe import tpe_pack
except ImportError:  # another version of Optuna: its sampler suggests the same, slower
    tpe_pack = None  # type: ignore[assignment]


_KNOWN_GOOD: Mapping[str, int | float] = {
    "depth": 0,
    "width": 1,
    "learning_rate": 1e-2,
    "multiplication": True,
}
"""A linear network, which is exact where the product is an input, at a learning rate that works."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one member of a finished pack."""

    hyperparameters: Mapping[str, Value | None]
    """The values of the space; None for what the member's optimiser doesn't read."""
    status: Status
    nmse: float | None
    """The final nmse; None unless completed."""
    rungs: tuple[tuple[int, float], ...] = ()
    """(step, nmse) of each evaluation on the way."""


def pack_count(spec: Spec) -> int:
    """Return the number of packs of each study; the last may be smaller than the others."""
    return math.ceil(spec.budget.trials / spec.budget.pack_size)


def needed_packs(spec: Spec, number: int) -> range:
    """Return the packs of the study whose results pack `number` is suggested from.

    A fixed lag: all packs up to `number - packs_in_flight`, whatever else has finished by then;
    none for the start packs and for random search.
    """
    if number < spec.budget.startup_packs or spec.sampler == "random":
        return range(0)
    return range(max(0, number - spec.budget.packs_in_flight + 1))


def running_packs(spec: Spec, number: int) -> range:
    """Return the packs that pack `number` takes for running: between the needed ones and itself."""
    if number < spec.budget.startup_packs or spec.sampler == "random":
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
    """
    members = _suggested(study, spec, number=number, history=history, running=running)
    return [
        {name: _as_written(study.space[name], value) for name, value in member.items()}
        for member in members
    ]


def _as_seen(hyperparameters: Mapping[str, Value | None], study: Study) -> dict[str, Value]:
    """Return a trial's values as TPE is to see them: every one, and no difference that is none.

    What its optimiser doesn't read made no difference, and is null in its row: it gets the same
    value in all such trials, suggested or finished.
    """
    optimizer = hyperparameters.get("optimizer", study.fixed.get("optimizer"))
    unused = unused_hyperparameters([optimizer])
    seen: dict[str, Value] = {}
    for name, value in hyperparameters.items():
        known = None if name in unused else value
        seen[name] = _known_good(name, study.space[name]) if known is None else known
    return seen


def _as_written(domain: Domain, value: Value) -> Value:
    """Optuna adds up steps in floating point: 0.3 comes back as 0.30000000000000004."""
    if isinstance(domain, FloatRange) and domain.step is not None:
        return domain.nearest(float(value))
    return value


def _suggested(
    study: Study,
    spec: Spec,
    *,
    number: int,
    history: Mapping[int, Sequence[Outcome]],
    running: Sequence[Sequence[Mapping[str, Value]]],
) -> list[dict[str, Value]]:
    if not 0 <= number < pack_count(spec):
        raise ValueError(f"pack must be between 0 and {pack_count(spec) - 1}; got {number}")
    names = sorted(study.space)  # the order of keys in the spec changes nothing
    space = {name: study.space[name] for name in names}
    size = min(spec.budget.pack_size, spec.budget.trials - number * spec.budget.pack_size)
    if number < spec.budget.startup_packs:
        seed = derive_seed(seed=spec.seed, study=study, purpose="startup", number=0)
        return _start_pack(space, first=number * spec.budget.pack_size, size=size, seed=seed)
    seed = derive_seed(seed=spec.seed, study=study, purpose="suggestion", number=number, bits=32)
    if spec.sampler == "random":
        return _ask(RandomSampler(seed=seed), space, [], size)
    _check_packs(spec, number, history, running)
    outcomes = [outcome for pack in needed_packs(spec, number) for outcome in history[pack]]
    finished = [_as_seen(outcome.hyperparameters, study) for outcome in outcomes]
    in_flight = [_as_seen(member, study) for pack in running for member in pack]
    distributions = distributions_of(space)
    if outcomes and tpe_pack is not None:
        return tpe_pack(
            distributions,
            finished=finished,
            ranks=[rank_of(outcome) for outcome in outcomes],
            running=in_flight,
            size=size,
            seed=seed,
        )
    trials = [
        finished_trial(replace(outcome, hyperparameters=seen), distributions)
        for outcome, seen in zip(outcomes, finished, strict=True)
    ]
    trials += [_running_trial(member, distributions) for member in in_flight]
    sampler = TPESampler(seed=seed, n_startup_trials=0, multivariate=True, constant_liar=True)
    return _ask(sampler, space, trials, size)


def _check_packs(
    spec: Spec,
    number: int,
    history: Mapping[int, Sequence[Outcome]],
    running: Sequence[Sequence[Mapping[str, Value]]],
) -> None:
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


# ------------------------------------------------------------------------------ start packs


def _start_pack(
    space: Mapping[str, Domain], *, first: int, size: int, seed: int
) -> list[dict[str, Value]]:
    """Return points `first` .. `first + size` of the study's Sobol sequence, scrambled by `seed`.

    Point 0 gives way to the known good one.
    """
    from scipy.stats import qmc  # takes a second: not for those who only read a spec

    sobol = qmc.Sobol(len(space), scramble=True, rng=seed)
    if first > 0:  # SciPy refuses to go forward by 0
        sobol.fast_forward(first)
    drawn = 1 << (size - 1).bit_length()  # SciPy warns unless it is a power of two
    points = sobol.random(drawn)[:size].tolist()
    members = [
        {name: _at(domain, unit) for (name, domain), unit in zip(space.items(), point, strict=True)}
        for point in points
    ]
    if first == 0:
        members[0] = {name: _known_good(name, domain) for name, domain in space.items()}
    return members


def _at(domain: Domain, unit: float) -> Value:
    """Return the value at `unit` in [0, 1) of the domain: uniform, or uniform in the logarithm."""
    match domain:
        case Choices(choices=choices):
            return choices[int(unit * len(choices))]
        case IntRange(low=low, high=high, log=True):
            # as Optuna does: each whole number owns half a unit on either side
            value = round(_between_logs(low - 0.5, high + 0.5, unit))
            return min(max(value, low), high)
        case IntRange(low=low, high=high, step=step):
            values = range(low, high + 1, step)
            return values[int(unit * len(values))]
        case FloatRange(low=low, high=high, log=True):
            return min(max(_between_logs(low, high, unit), low), high)
        case FloatRange(low=low, high=high, step=None):
            return low + unit * (high - low)
        case FloatRange(count=int(count)):
            return domain.value_at(int(unit * count))
    raise TypeError(f"no domain: {domain!r}")


def _between_logs(low: float, high: float, unit: float) -> float:
    return math.exp(math.log(low) + unit * (math.log(high) - math.log(low)))


def _known_good(name: str, domain: Domain) -> Value:
    """Return the domain's value nearest to the known good one; the first where none is known."""
    target = _KNOWN_GOOD.get(name)
    if isinstance(domain, Choices):
        if target is None:
            return domain.choices[0]
        return min(domain.choices, key=lambda value: _distance(float(value), target))
    if target is None:
        return domain.low
    if isinstance(domain, FloatRange):
        return domain.nearest(target)
    value = min(max(round(target), domain.low), domain.high)
    return domain.low + round((value - domain.low) / domain.step) * domain.step


def _distance(value: float, target: int | float) -> float:
    """Return how far `value` is from `target`: a ratio for a float, as learning rates are felt."""
    return abs(math.log(value / target) if isinstance(target, float) else value - target)


# ------------------------------------------------------------------------------ Optuna


def distributions_of(space: Mapping[str, Domain]) -> dict[str, BaseDistribution]:
    """Return the space in Optuna's terms."""
    return {name: _distribution(domain) for name, domain in space.items()}


def _distribution(domain: Domain) -> BaseDistribution:
    match domain:
        case Choices():
            return CategoricalDistribution(list(domain.choices))
        case IntRange():
            return IntDistribution(domain.low, domain.high, log=domain.log, step=domain.step)
        case FloatRange():
            return FloatDistribution(domain.low, domain.high, log=domain.log, step=domain.step)


def rank_of(outcome: Outcome) -> tuple[float, float]:
    """Where TPE ranks the outcome: lower is better. Optuna ranks its `finished_trial` so.

    Completed trials by their nmse, then pruned ones: those that came further first, and by their
    nmse there; at last the diverged.
    """
    if outcome.status == "completed" and outcome.nmse is not None:
        return -math.inf, outcome.nmse
    if outcome.status == "diverged" or not outcome.rungs:
        return math.inf, 0.0
    step, nmse = max(outcome.rungs)
    return -step, math.inf if math.isnan(nmse) else nmse


def finished_trial(outcome: Outcome, distributions: dict[str, BaseDistribution]) -> FrozenTrial:
    """Return the outcome as TPE should see it.

    A pruned trial is ranked by the rung it reached. A diverged one is PRUNED without any value, the
    worst rank there is; as FAIL it would be left out, and TPE would go on proposing such trials.
    """
    known = {name: value for name, value in outcome.hyperparameters.items() if value is not None}
    return create_trial(
        state=TrialState.COMPLETE if outcome.status == "completed" else TrialState.PRUNED,
        value=outcome.nmse if outcome.status == "completed" else None,
        params=known,
        distributions={name: distributions[name] for name in known},
        intermediate_values={} if outcome.status == "diverged" else dict(outcome.rungs),
    )


def _running_trial(
    hyperparameters: Mapping[str, Value], distributions: dict[str, BaseDistribution]
) -> FrozenTrial:
    return create_trial(
        state=TrialState.RUNNING, params=dict(hyperparameters), distributions=distributions
    )


def _ask(
    sampler: BaseSampler, space: Mapping[str, Domain], trials: Sequence[FrozenTrial], size: int
) -> list[dict[str, Value]]:
    """Return `size` suggestions after `trials`; each asked trial stays RUNNING for the next."""
    distributions = distributions_of(space)
    with quiet_optuna():
        study = optuna.create_study(sampler=sampler)
        study.add_trials(trials)
        return [study.ask(distributions).params for _ in range(size)]


@contextmanager
def quiet_optuna() -> Iterator[None]:
    """Keep Optuna from announcing the studies that are made anew for every pack."""
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(max(verbosity, optuna.logging.WARNING))
    try:
        yield
    finally:
        optuna.logging.set_verbosity(verbosity)
