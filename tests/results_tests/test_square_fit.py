"""The best fits of a square, against SciPy's least squares and minimisers on dense grids."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import simpson
from scipy.optimize import minimize
from scipy.special import ndtr
from scipy.stats import norm

from results.constructions.folded_square import normal_folded_square
from results.constructions.square_fit import SquareFit, normal_square_fit

Array = NDArray[np.float64]


def grid(points: int) -> tuple[Array, Array]:
    """Points between -9 and 9, and the shares of a standard normal number that they stand for."""
    x = np.linspace(-9, 9, points)
    return x, norm.pdf(x) * (x[1] - x[0])


def least_error(columns: list[Array], x: Array, shares: Array) -> float:
    """The mean squared error of the best linear combination for x^2."""
    design = np.stack(columns)
    weights = np.linalg.solve((design * shares) @ design.T, (design * shares) @ x**2)
    return float(shares @ (x**2 - weights @ design) ** 2)


def ramps(knots: Array, x: Array) -> list[Array]:
    return [np.ones_like(x), x, *(np.maximum(x - knot, 0) for knot in knots)]


def best_knots(count: int) -> Array:
    """Those of the best continuous piecewise linear fit of x^2: nothing is asked of its form.

    The moments of 1, x and the ramps are the closed ones: on a grid an error as a function of the
    knots has a kink at every point.
    """

    def log_error(knots: Array) -> float:
        ends = np.maximum(knots[:, None], knots)
        first, second, third = _beyond(ends)
        ramps = third - (knots[:, None] + knots) * second + np.outer(knots, knots) * first
        first, second, third = _beyond(knots)
        by_one, by_x = second - knots * first, third - knots * second
        by_square = (knots**2 + 2) * second - knots * third
        moments = np.block(
            [
                [np.eye(2), np.stack([by_one, by_x])],
                [np.stack([by_one, by_x]).T, ramps],
            ]
        )
        right = np.array([1.0, 0.0, *by_square])
        return float(np.log(3 - right @ np.linalg.solve(moments, right)))

    found = minimize(log_error, np.linspace(-2.5, 2.5, count + 2)[1:-1], options={"gtol": 1e-8})
    return np.sort(found.x)


def _beyond(ends: Array) -> tuple[Array, Array, Array]:
    """The integrals of 1, x and x^2 times the density from `ends` on."""
    return ndtr(-ends), norm.pdf(ends), ndtr(-ends) + ends * norm.pdf(ends)


def evaluated(fit: SquareFit, x: Array) -> Array:
    total = np.full_like(x, fit.constant)
    for knot, slope in zip(fit.knots, fit.slopes, strict=True):
        total += slope * (np.maximum(x - knot, 0) + np.maximum(-x - knot, 0))
    return total


@pytest.mark.parametrize("knots", [1, 2, 3, 4])
def test_no_knots_and_no_linear_term_leave_less(knots: int) -> None:
    x, shares = grid(400_000)
    expected = best_knots(2 * knots)
    fit = normal_square_fit(knots)
    mirrored = [-knot for knot in reversed(fit.knots)]
    assert [*mirrored, *fit.knots] == pytest.approx(expected, abs=1e-3)
    assert fit.error == pytest.approx(least_error(ramps(expected, x), x, shares), rel=1e-6)
    assert fit.error == pytest.approx(shares @ (evaluated(fit, x) - x**2) ** 2, rel=1e-6)


@pytest.mark.parametrize(
    ("knots", "points"), [(3, 4001), (8, 4001), (64, 801), (256, 401), (512, 401)]
)
def test_neither_a_knot_nor_a_slope_can_be_moved_with_gain(knots: int, points: int) -> None:
    """The derivatives of the error: by a slope and by a knot they are sums over what lies beyond.

    All of them are 0 where on every piece the error is orthogonal to 1 and to x.
    """
    fit = normal_square_fit(knots)
    ends = np.array([0.0, *fit.knots, fit.knots[-1] + 8])
    x = np.linspace(ends[:-1], ends[1:], points, axis=1)
    errors = (evaluated(fit, x.ravel()) - x.ravel() ** 2).reshape(x.shape)
    density = norm.pdf(x)
    assert 2 * simpson(errors**2 * density, x=x).sum() == pytest.approx(fit.error, rel=1e-6)
    size = simpson(abs(errors) * density, x=x)
    position = (x - ends[:-1, None]) / np.diff(ends)[:, None]
    assert abs(simpson(errors * density, x=x) / size).max() < 1e-4
    assert abs(simpson(errors * position * density, x=x) / size)[1:].max() < 1e-4


def test_without_knots_it_is_the_mean() -> None:
    x, shares = grid(10_000)
    fit = normal_square_fit(0)
    assert (fit.constant, fit.error) == pytest.approx((shares @ x**2, shares @ (x**2 - 1) ** 2))


def test_the_errors_approach_barrow_and_smiths_from_below() -> None:
    # (integral of (density * f''^2)^(1/5))^5 / 720, of the normal density and f = x^2.
    x = np.linspace(-30, 30, 10_001)
    constant = simpson((norm.pdf(x) * 4) ** 0.2, x=x) ** 5 / 720
    shares = [
        normal_square_fit(knots).error * (2 * knots + 1) ** 4 / constant
        for knots in (1, 4, 16, 64, 256, 512)
    ]
    assert shares == sorted(shares)
    assert 0.99 < shares[-1] < 1


@pytest.mark.parametrize("pieces", [1, 2, 3, 5, 20, 64])
def test_folds_are_the_best_of_equal_pieces(pieces: int) -> None:
    x, shares = grid(200_000)

    def error(width: float) -> float:
        place = np.clip(np.round(x / width + (pieces - 1) / 2), 0, pieces - 1)
        rest = (x - width * (place - (pieces - 1) / 2)) ** 2
        return float(shares @ (rest - shares @ rest) ** 2)

    fold = normal_folded_square(pieces)
    assert fold.error == pytest.approx(error(fold.width), rel=1e-6)
    for factor in (0.7, 0.9, 0.98, 1.02, 1.1, 1.4):
        assert error(fold.width * factor) >= fold.error * (1 - 1e-6)


def test_more_pieces_leave_less() -> None:
    errors = [normal_folded_square(pieces).error for pieces in (*range(1, 40), 128, 1024)]
    assert errors == sorted(errors, reverse=True)


def test_two_pieces_are_the_best_fit_with_a_knot_at_0() -> None:
    x, shares = grid(200_000)
    expected = least_error([np.ones_like(x), abs(x)], x, shares)
    assert normal_folded_square(2).error == pytest.approx(expected, rel=1e-6)
