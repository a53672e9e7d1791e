"""A search's studies in Optuna's terms: distributions, trials, and asking a sampler."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState, create_trial

from spaces import Choices, FloatRange, IntRange
from spaces.domains import Domain
from spaces.vocabulary import Value

from .outcome import Outcome

Distributions = dict[str, BaseDistribution]


def distributions_of(space: Mapping[str, Domain]) -> Distributions:
    """Return the space in Optuna's terms."""
    return {name: distribution_of(domain) for name, domain in space.items()}


def distribution_of(domain: Domain) -> BaseDistribution:
    """Return the domain in Optuna's terms."""
    match domain:
        case Choices():
            return CategoricalDistribution(list(domain.choices))
        case IntRange():
            return IntDistribution(domain.low, domain.high, log=domain.log, step=domain.step)
        case FloatRange():
            return FloatDistribution(domain.low, domain.high, log=domain.log, step=domain.step)


def finished_trial(outcome: Outcome, distributions: Distributions) -> FrozenTrial:
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


def running_trial(
    hyperparameters: Mapping[str, Value], distributions: Distributions
) -> FrozenTrial:
    """Return a trial that has been suggested and not finished."""
    return create_trial(
        state=TrialState.RUNNING, params=dict(hyperparameters), distributions=distributions
    )


def ask(
    sampler: BaseSampler, distributions: Distributions, trials: Sequence[FrozenTrial], size: int
) -> list[dict[str, Value]]:
    """Return `size` suggestions after `trials`; each asked trial stays RUNNING for the next."""
    with quiet_optuna():
        study = optuna.create_study(sampler=sampler)
        study.add_trials(trials)
        return [study.ask(distributions).params for _ in range(size)]


@contextmanager
def quiet_optuna(level: int = optuna.logging.WARNING) -> Iterator[None]:
    """Keep Optuna from announcing what is below `level`: studies are made anew for every pack."""
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(max(verbosity, level))
    try:
        yield
    finally:
        optuna.logging.set_verbosity(verbosity)
