"""The Gaussian process: Optuna's own sampler, told of every kind of trial, always the same bits."""

import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import optuna
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from optuna.trial import TrialState, create_trial
from scipy.stats import norm, rankdata

from search.planning.optuna_study import distributions_of, quiet_optuna
from search.planning.outcome import Outcome, rank_of
from search.planning.samplers import SAMPLERS, PackRequest
from search.planning.samplers.gp import normal_scores
from spaces import Choices, FloatRange, IntRange
from spaces.domains import Domain
from tests.search_tests.test_tpe import ended

SPACE: Mapping[str, Domain] = {
    "activation": Choices(choices=["relu", "gelu"]),
    "depth": IntRange(low=0, high=3),
    "learning_rate": FloatRange(low=1e-4, high=1e-1, log=True),
    "multiplication": Choices(choices=[True]),
}


def request(space: Mapping[str, Domain] = SPACE, *, finished: int, **more: Any) -> PackRequest:
    """A pack after `finished` trials of every status; a learning rate of 3e-3 is best."""
    draw = random.Random(finished)
    asked: dict[str, Any] = {"first": finished, "size": 2, "seed": 1, "sequence_seed": 2} | more
    points = SAMPLERS["random"](
        PackRequest(space=space, first=0, size=finished, seed=3, sequence_seed=0)
    )
    return PackRequest(space=space, finished=[valley(each, draw) for each in points], **asked)


def valley(member: Mapping[str, Any], draw: random.Random) -> Outcome:
    off = abs(math.log10(member.get("learning_rate", 3e-3) / 3e-3)) + 0.01 * draw.random()
    if off > 1.2:
        return Outcome(hyperparameters=member, status="diverged", nmse=None)
    if off > 0.8:
        return Outcome(hyperparameters=member, status="pruned", nmse=None, rungs=((10, off),))
    return Outcome(hyperparameters=member, status="completed", nmse=10 ** (4 * off - 6))


def gp(asked: PackRequest) -> list[dict[str, Any]]:
    return SAMPLERS["gp"](asked)


def test_the_same_study_made_with_optuna_alone_suggests_the_same() -> None:
    running = SAMPLERS["random"](PackRequest(space=SPACE, first=0, size=1, seed=7, sequence_seed=0))
    asked = request(finished=12, running=running)
    assert {outcome.status for outcome in asked.finished} == {"completed", "pruned", "diverged"}
    order = sorted({rank_of(outcome) for outcome in asked.finished})
    places = rankdata([order.index(rank_of(outcome)) for outcome in asked.finished])
    distributions = distributions_of(SPACE)
    with quiet_optuna(optuna.logging.ERROR):
        sampler = optuna.samplers.GPSampler(seed=asked.seed, n_startup_trials=1)
        by_hand = optuna.create_study(sampler=sampler)
        for outcome, score in zip(asked.finished, norm.ppf((places - 0.5) / 12), strict=True):
            trial = create_trial(
                params=dict(outcome.hyperparameters), distributions=distributions, value=score
            )
            by_hand.add_trial(trial)
        for member in running:  # asked, not told
            by_hand.add_trial(
                create_trial(state=TrialState.RUNNING, params=member, distributions=distributions)
            )
        expected = [by_hand.ask(distributions).params for _ in range(asked.size)]
    assert gp(asked) == [
        {
            name: value if isinstance(value, str) else pytest.approx(value)
            for name, value in each.items()
        }
        for each in expected
    ]


@given(st.lists(st.integers(0, 2**32 - 1).map(random.Random), min_size=1, max_size=30))
def test_scores_are_the_normal_scores_of_the_ranks(draws: list[random.Random]) -> None:
    outcomes = [ended(draw, {}) for draw in draws]
    order = sorted({rank_of(outcome) for outcome in outcomes})
    places = rankdata([order.index(rank_of(outcome)) for outcome in outcomes])
    expected = norm.ppf((places - 0.5) / len(outcomes))
    np.testing.assert_allclose(normal_scores(outcomes), expected, atol=1e-12)


@pytest.fixture
def two_threads() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(threads)


def test_the_number_of_threads_changes_no_bit(two_threads: None) -> None:
    asked = request(finished=200, size=1)  # with fewer trials two threads would add up as one does
    with_two = gp(asked)
    torch.set_num_threads(1)
    assert gp(asked) == with_two


def test_seeds_results_and_running_trials_count() -> None:
    first = request(finished=1).finished[0].hyperparameters
    alike = [
        request(finished=6, size=1),
        request(finished=6, size=1, seed=2),
        request(finished=7, size=1),
        request(finished=6, size=1, running=[first]),
    ]
    packs = [gp(asked) for asked in alike]
    assert all(packs.count(pack) == 1 for pack in packs)


def test_before_the_first_results_the_sequence_goes_on() -> None:
    asked = request(finished=0)
    assert gp(asked) == SAMPLERS["qmc"](asked)


@pytest.mark.parametrize(
    "space",
    [
        {"multiplication": Choices(choices=[False, True])},
        {"width": IntRange(low=1, high=2**62, log=True)},
        {"learning_rate": FloatRange(low=0.0, high=1.0, step=1e-9)},
        {"depth": IntRange(low=2, high=2)},
        {},
    ],
    ids=str,
)
def test_spaces_of_very_few_or_very_many_values(
    space: Mapping[str, Domain], recwarn: pytest.WarningsRecorder, capfd: pytest.CaptureFixture[str]
) -> None:
    for member in gp(request(space, finished=5)):
        assert member.keys() == space.keys()
        for name, domain in space.items():
            nearest = member[name] if isinstance(domain, Choices) else domain.nearest(member[name])
            assert member[name] == nearest
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("status", ["completed", "diverged"])
def test_trials_that_all_ended_alike(status: Any) -> None:
    nmse = 1.0 if status == "completed" else None
    asked = request(finished=3, size=1)
    alike = [replace(each, status=status, nmse=nmse, rungs=()) for each in asked.finished]
    (member,) = gp(replace(asked, finished=alike))
    assert member.keys() == SPACE.keys()


def test_it_finds_the_valley() -> None:
    """Its bottom lies amid two of eight learning rates, 0.21 decades from either."""
    space = {"learning_rate": FloatRange(low=1e-4, high=1e-1, log=True)}
    finished = [
        Outcome(hyperparameters={"learning_rate": rate}, status="completed", nmse=off(rate))
        for rate in np.geomspace(1e-4, 1e-1, 8).tolist()
    ]
    for number in range(4):
        asked = PackRequest(space=space, first=8, size=1, seed=number, sequence_seed=0)
        (member,) = gp(replace(asked, finished=finished))
        rate = member["learning_rate"]
        finished.append(Outcome(hyperparameters=member, status="completed", nmse=off(rate)))
    assert min(off(outcome.hyperparameters["learning_rate"]) for outcome in finished) < 0.06


def off(rate: Any) -> float:
    return abs(math.log10(rate / 10**-2.5))
