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

from search.planning.suggestion import quiet_optuna
from search.planning.tpe import Rank, tpe_pack

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

    trials, ended, ranks = [], [], list[Rank]()
    for _ in range(finished):
        ended.append(parameters())
        loss, step = round(draw.expovariate(1.0), 1), draw.choice([10, 20])  # with ties
        kind = draw.choice(["completed", "pruned", "diverged"])
        ranks.append(
            {
                "completed": (-math.inf, loss),
                "pruned": (-step, loss),
                "diverged": (math.inf, 0.0),
            }[kind]
        )
        trials.append(
            create_trial(
                state=TrialState.COMPLETE if kind == "completed" else TrialState.PRUNED,
                value=loss if kind == "completed" else None,
                params=ended[-1],
                distributions=distributions,
                intermediate_values={} if kind == "diverged" else {step: loss},
            )
        )
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
        distributions, finished=ended, ranks=ranks, running=waiting, size=6, seed=seed
    )
    assert suggested == expected
