"""The quasi-random sampler against Optuna's own, and what makes it one."""

from typing import Any

import numpy as np
import optuna
import pytest
from optuna.samplers import QMCSampler, RandomSampler
from optuna.trial import create_trial
from scipy.stats import qmc

from search.planning.optuna_study import distributions_of, quiet_optuna
from search.planning.seeds import derive_seed
from search.planning.suggestion import pack_count, suggest
from spaces import Spec, load_spec, studies

SPACE: dict[str, Any] = {
    "activation": {"choices": ["relu", "gelu", "tanh"]},
    "depth": {"low": 0, "high": 3},
    "learning_rate": {"low": 1e-4, "high": 1e-1, "log": True},
    "momentum": {"low": 0.0, "high": 0.9},
    "multiplication": {"choices": [True]},
    "optimizer": {"choices": ["sgd"]},
    "width": {"low": 4, "high": 256, "log": True},
}


def make_spec(
    budget: dict[str, int] | None = None, *, space: dict[str, Any] = SPACE, sampler: str = "qmc"
) -> Spec:
    return load_spec(
        {
            "name": "test",
            "fixed": {"dimension": 4},
            "space": space,
            "sampler": sampler,
            "budget": {"trials": 64, "pack_size": 8} | (budget or {}),
        }
    )


def trials(spec: Spec) -> list[dict[str, Any]]:
    """The study's trials; the packs are suggested in any order, from nothing."""
    (study,) = studies(spec)
    packs = {
        number: suggest(study, spec, number=number, history={}, running=[])
        for number in reversed(range(pack_count(spec) or 0))
    }
    return [member for number in sorted(packs) for member in packs[number]]


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_a_trial_is_the_point_of_optunas_sampler_with_its_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spec = make_spec()
    (study,) = studies(spec)
    found = trials(spec)
    seed = derive_seed(seed=spec.seed, study=study, purpose="startup", number=0)
    distributions = distributions_of(dict(sorted(study.space.items())))
    sobol = qmc.Sobol  # which scrambles otherwise by `seed`, Optuna's word, than by `rng`
    monkeypatch.setattr(
        qmc, "Sobol", lambda d, seed, scramble: sobol(d, rng=seed, scramble=scramble)
    )
    with quiet_optuna():
        first = RandomSampler(seed=0)  # by default one of the same seed, which is too large for it
        sampler = QMCSampler(scramble=True, seed=seed, independent_sampler=first)
        by_hand = optuna.create_study(sampler=sampler)
        by_hand.add_trial(create_trial(value=0, params=found[0], distributions=distributions))
        expected = [by_hand.ask(distributions).params for _ in found]
    expected = [{name: pytest.approx(value) for name, value in each.items()} for each in expected]
    assert found[1:] == expected[1:]  # the first gives way to the known good one


@pytest.mark.parametrize("budget", [{"pack_size": 5}, {"startup_packs": 4}, {"startup_packs": 8}])
def test_it_goes_on_where_the_start_packs_end(budget: dict[str, int]) -> None:
    assert trials(make_spec(budget)) == trials(make_spec())


def test_a_longer_search_begins_with_the_shorter_one() -> None:
    assert trials(make_spec({"trials": 100}))[:64] == trials(make_spec())


def test_it_fills_the_space_more_evenly_than_random_search() -> None:
    space = {"learning_rate": SPACE["learning_rate"], "momentum": SPACE["momentum"]}
    space |= {"optimizer": SPACE["optimizer"]}
    unevenness = {}
    for sampler in ("qmc", "random"):
        points = [
            (np.log10(each["learning_rate"]) / 3 + 4 / 3, each["momentum"] / 0.9)
            for each in trials(make_spec(space=space, sampler=sampler))[1:]
        ]
        unevenness[sampler] = qmc.discrepancy(points)
    assert unevenness["qmc"] < unevenness["random"] / 4
