"""TPE by the pack against Optuna's own sampler: the same suggestions, one by one."""

import math
import random
from collections.abc import Mapping
from typing import Any

import optuna
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import TrialState, create_trial

from search.planning.optuna_study import finished_trial, quiet_optuna
from search.planning.outcome import Outcome, rank_of
from search.planning.samplers.tpe_pack import tpe_pack
from spaces.vocabulary import STATUSES

DISTRIBUTIONS: Mapping[str, BaseDistribution] = {
    "choices": CategoricalDistribution(["relu", "gelu", "tanh"]),
    "flag": CategoricalDistribution([False, True]),
    "float": FloatDistribution(-2.0, 5.0),
    "float_log": FloatDistribution(1e-5, 1.0, log=True),
    "float_step": FloatDistribution(0.0, 1.0, step=0.125),
    "int": IntDistribution(0, 3),
    "int_log": IntDistribution(4, 256, log=True),
    "int_step": IntDistribution(10, 50, step=5),
    "single": IntDistribution(7, 7),
}


def drawn(draw: random.Random, name: str, distribution: BaseDistribution) -> Any:
    if isinstance(distribution, CategoricalDistribution):
        return draw.choice(distribution.choices)
    assert isinstance(distribution, IntDistribution | FloatDistribution)
    low, high, step = distribution.low, distribution.high, distribution.step
    if distribution.log:
        value = math.exp(draw.uniform(math.log(low), math.log(high)))
        return round(value) if isinstance(low, int) else min(max(value, low), high)
    if step is None:
        return draw.uniform(low, high)
    return low + draw.randint(0, round((high - low) / step)) * step


def ended(draw: random.Random, parameters: dict[str, Any]) -> Outcome:
    """Any outcome of a trial with two rungs on its way; many are equal."""
    status = draw.choice(STATUSES)
    reached = {"completed": 2, "pruned": draw.choice([1, 2]), "diverged": draw.choice([0, 1])}
    return Outcome(
        hyperparameters=parameters,
        status=status,
        nmse=round(draw.expovariate(1.0), 1) if status == "completed" else None,
        rungs=tuple(
            (step, round(draw.expovariate(1.0), 1)) for step in (10, 20)[: reached[status]]
        ),
    )


@settings(max_examples=60, deadline=None)
@given(
    names=st.lists(st.sampled_from(sorted(DISTRIBUTIONS)), min_size=1, max_size=4, unique=True),
    finished=st.integers(1, 120),
    running=st.integers(0, 12),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_pack_is_what_optuna_suggests_one_by_one(
    names: list[str], finished: int, running: int, seed: int
) -> None:
    draw = random.Random(seed)
    distributions = {name: DISTRIBUTIONS[name] for name in sorted(names)}

    def parameters() -> dict[str, Any]:
        return {name: drawn(draw, name, each) for name, each in distributions.items()}

    outcomes = [ended(draw, parameters()) for _ in range(finished)]
    trials = [finished_trial(outcome, distributions) for outcome in outcomes]
    waiting = [parameters() for _ in range(running)]
    trials += [
        create_trial(state=TrialState.RUNNING, params=each, distributions=distributions)
        for each in waiting
    ]
    with quiet_optuna():
        study = optuna.create_study(
            sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=0, multivariate=True)
        )
        study.add_trials(trials)
        expected = [study.ask(distributions).params for _ in range(6)]
    suggested = tpe_pack(
        distributions,
        finished=[outcome.hyperparameters for outcome in outcomes],
        ranks=[rank_of(outcome) for outcome in outcomes],
        running=waiting,
        size=6,
        seed=seed,
    )
    assert suggested == expected
