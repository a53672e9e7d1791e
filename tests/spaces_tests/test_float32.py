"""What float32 holds: the bounds against NumPy's own float32 arithmetic, and their faults."""

import re

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spaces import SpecError, load_spec
from spaces.float32 import learning_rate_bounds, noise_bounds, scale_bounds
from tests.spaces_tests.spec_strategies import relaxed

F = numpy.float32
FINITE = numpy.finfo(F)
PAIRS = 200


def worst_square(dimension: int, scale: float, noise: float, rate: float, seed: int) -> F:
    """The largest of the squares of errors and gradients that a first step meets, in float32."""
    draw = numpy.random.default_rng(seed)
    a, b = F(scale) * draw.standard_normal((2, PAIRS, dimension)).astype(F)
    labels = (a * b).sum(1, dtype=F) + F(noise) * draw.standard_normal(PAIRS).astype(F)
    inputs = numpy.concatenate([a, b, a * b, numpy.ones((PAIRS, 1), F)], axis=1)
    errors = labels, F(rate) * numpy.abs(inputs).sum(1, dtype=F)
    gradients = [F(2) * error[:, None] * inputs for error in errors]
    return max(numpy.square(each).max() for each in (*errors, *gradients))


dimensions = st.integers(1, 300)
seeds = st.integers(0, 2**32 - 1)
pytestmark = pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")


@relaxed
@given(dimensions, dimensions, seeds)
def test_within_the_bounds_no_square_overflows(one: int, other: int, seed: int) -> None:
    low, high = sorted((one, other))
    for scale in scale_bounds(low, high):
        for dimension in (low, high):
            noise, rate = noise_bounds(scale)[1], learning_rate_bounds(high, scale)[1]
            assert worst_square(dimension, scale, noise, rate, seed) <= FINITE.max


@relaxed
@given(dimensions, st.floats(1e-3, 1e2), seeds)
def test_not_far_beyond_them_one_does(dimension: int, scale: float, seed: int) -> None:
    far = 1e5  # the bounds hold for the largest numbers that can be drawn at all
    tries = {
        "scale": (scale_bounds(dimension, dimension)[1] * far, 0.0, 0.0),
        "noise": (scale, noise_bounds(scale)[1] * far, 0.0),
        "rate": (scale, 0.0, learning_rate_bounds(dimension, scale)[1] * far),
    }
    for numbers in tries.values():
        assert worst_square(dimension, *numbers, seed) == numpy.inf


@relaxed
@given(dimensions)
def test_the_square_of_an_error_of_rounding_does_not_underflow(dimension: int) -> None:
    scale = scale_bounds(dimension, dimension)[0]

    def squared_rounding(scale: float) -> F:
        spread = F(numpy.sqrt(dimension) * scale**2)
        return F(numpy.square(spread * FINITE.eps / F(2)))

    assert squared_rounding(scale * 1.001) >= FINITE.tiny
    assert squared_rounding(scale * 0.999) < FINITE.tiny


CASES = [
    (["grid.scale=[1e-30]"], "grid.scale[0]"),
    (["grid.scale=[1.0, 1e30]"], "grid.scale[1]"),
    (["task.scale=1e30"], "task.scale"),
    (["task.scale=0.001", "grid.dimension=[1000000000000000000]"], None),
    (["grid.dimension=[1, 4611686018427387904]"], "task.scale"),
    (["task.label_noise_std=1e38"], "task.label_noise_std"),
    (["task.label_noise_std=1e-300"], "task.label_noise_std"),
    (["task.label_noise_std=0"], None),
    (["grid.label_noise_std=[0, 1e-300]"], "grid.label_noise_std[1]"),
    (["space.learning_rate.high=1e38"], "space.learning_rate.high"),
    (["space.learning_rate.low=1e-40"], "space.learning_rate.low"),
    (["space.learning_rate={choices: [0.1, 1e38]}"], "space.learning_rate.choices[1]"),
    (["space.learning_rate=null", "fixed.learning_rate=1e38"], "fixed.learning_rate"),
    (["space.learning_rate=null", "grid.learning_rate=[1e38]"], "grid.learning_rate[0]"),
    (["space.learning_rate.high=1e3", "task.scale=1e3"], "space.learning_rate.high"),
]


@pytest.mark.parametrize(("overrides", "place"), CASES)
def test_what_float32_cannot_hold_is_refused_and_what_would_do_is_said(
    overrides: list[str], place: str | None
) -> None:
    if place is None:
        load_spec("smoke", overrides)
        return
    with pytest.raises(SpecError, match=r"float32 can't hold more; got .*; write ") as caught:
        load_spec("smoke", overrides)
    (fault,) = caught.value.faults
    assert fault.startswith(f"{place}: must be ")
    told = fault.rpartition("; write ")[2]
    section, _, index = place.removesuffix("]").partition("[")
    if not index:
        load_spec("smoke", [*overrides, f"{section}={told}"])
        return
    values = load_spec_values(overrides, section)
    values[int(index)] = told
    load_spec("smoke", [*overrides, f"{section}=[{', '.join(values)}]"])


def load_spec_values(overrides: list[str], section: str) -> list[str]:
    """The texts of the list that one of `overrides` gives to `section` or holds in it."""
    (text,) = (each for each in overrides if each.startswith(section.removesuffix(".choices")))
    return re.findall(r"[-+.0-9e]+", text.partition("=")[2].partition("[")[2])


def test_faults_between_sections_are_one_each_and_come_with_the_others() -> None:
    overrides = ["grid.dimension=[1, 64]", "grid.scale=[1e30, 1, 1e-30]", "budget.trials=0"]
    with pytest.raises(SpecError, match=r"budget.trials: must be at least 1") as caught:
        load_spec("smoke", overrides)
    found = [fault.partition(":")[0] for fault in caught.value.faults]
    assert found == ["budget.trials", "grid.scale[0]", "grid.scale[2]"]
