"""The interval over search seeds: how often it holds what it is to hold, and when there is none."""

import math
from collections.abc import Callable

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from results.seed_interval import seed_interval

REPEATS = 500
Draw = Callable[[numpy.random.Generator, int], list[float]]


def normal_logarithms(generator: numpy.random.Generator, seeds: int) -> list[float]:
    return [*numpy.exp(generator.normal(math.log(0.01), 0.3, seeds))]


def retrained(generator: numpy.random.Generator, seeds: int) -> list[float]:
    """The median of three replicates of what each search found."""
    found = generator.normal(math.log(0.01), 0.3, (seeds, 1))
    replicates = found + generator.normal(0, 0.1, (seeds, 3))
    return [*numpy.exp(numpy.median(replicates, axis=1))]


def lowest_of_64(generator: numpy.random.Generator, seeds: int) -> list[float]:
    """What 64 trials find above the lowest possible, 0.1, then the median of three replicates.

    As near the minimum of a parabola in two hyperparameters, every excess is equally likely.
    """
    found = 0.1 + generator.random((seeds, 64)).min(axis=1, keepdims=True)
    replicates = numpy.log(found) + generator.normal(0, 0.05, (seeds, 3))
    return [*numpy.exp(numpy.median(replicates, axis=1))]


TRUTHS: dict[Draw, float] = {
    normal_logarithms: 0.01,
    retrained: 0.01,
    # E log(0.1 + m), m the lowest of 64 uniforms, with density 64 (1 - m)^63
    lowest_of_64: math.exp(stats.beta(1, 64).expect(lambda lowest: numpy.log(0.1 + lowest))),
}


def share_held(draw: Draw, seeds: int) -> float:
    generator = numpy.random.default_rng(seeds)
    held = 0
    for _ in range(REPEATS):
        interval = seed_interval(draw(generator, seeds))
        assert interval is not None
        held += interval[0] <= TRUTHS[draw] <= interval[1]
    return held / REPEATS


@pytest.mark.parametrize("seeds", [3, 5, 10])
@pytest.mark.parametrize("draw", [normal_logarithms, retrained])
def test_it_holds_the_truth_as_often_as_it_says(draw: Draw, seeds: int) -> None:
    assert 0.92 <= share_held(draw, seeds) <= 0.98


@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_it_holds_it_little_less_often_where_minima_are_skewed(seeds: int) -> None:
    assert 0.88 <= share_held(lowest_of_64, seeds) <= 0.98


@given(st.lists(st.floats(1e-9, 1.0), min_size=3, max_size=9, unique=True))
def test_it_is_student_s_of_the_logarithms(values: list[float]) -> None:
    logarithms = numpy.log(values)
    expected = stats.t.interval(
        0.95, len(values) - 1, loc=logarithms.mean(), scale=stats.sem(logarithms)
    )
    assert seed_interval(values) == pytest.approx(numpy.exp(expected))


@pytest.mark.parametrize("values", [[], [0.1], [0.1, 0.2], [0.1, 0.2, None], [0.1, 0.2, 1e-13]])
def test_there_is_none_where_it_would_mean_nothing(values: list[float | None]) -> None:
    assert seed_interval(values) is None
