"""TPE for a whole pack: what Optuna's `TPESampler` suggests, without its study.

Bergstra et al. 2011, "Algorithms for Hyper-Parameter Optimization" (NeurIPS); the estimators are
Optuna's own. Its sampler ranks, copies and converts all trials of the study anew for every
suggestion, and takes each normal probability in a call of its own; with hundreds of finished trials
that costs more than training a pack. Here it is done once for a pack, by arrays. Tests hold every
suggestion to the sampler's. What is used of Optuna is private: where a version lacks any of it,
importing this module raises ImportError, and the sampler itself is to be asked.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, _get_single_value
from optuna.samplers import TPESampler
from optuna.samplers._tpe.parzen_estimator import _ParzenEstimator
from optuna.samplers._tpe.probability_distributions import (
    _BatchedCategoricalDistributions,
    _MixtureOfProductDistribution,
)
from optuna.samplers._tpe.sampler import default_gamma
from scipy.special import log_ndtr

for _owner, _name in (
    (TPESampler(), "_n_ei_candidates"),
    (TPESampler(), "_parzen_estimator_parameters"),
    (_ParzenEstimator, "sample"),
):
    if not hasattr(_owner, _name):
        raise ImportError(f"this version of Optuna has no {_name}")

Numbers = NDArray[numpy.float64]


def tpe_pack(
    distributions: Mapping[str, BaseDistribution],
    *,
    finished: Sequence[Mapping[str, Any]],
    ranks: Sequence[tuple[float, float]],
    running: Sequence[Mapping[str, Any]],
    size: int,
    seed: int,
) -> list[dict[str, Any]]:
    """The next `size` suggestions, each with those before it as running (constant liar).

    `finished` and `running` are the hyperparameters of trials in the order of their numbers, at
    least one of them finished; `ranks` orders the finished ones, lower is better, ties by number.
    """
    searched = {name: each for name, each in distributions.items() if not each.single()}
    fixed = {name: _get_single_value(each) for name, each in distributions.items() if each.single()}
    if not searched:
        return [dict(fixed) for _ in range(size)]
    best = set(sorted(range(len(finished)), key=lambda i: ranks[i])[: default_gamma(len(finished))])
    below = [hyperparameters for i, hyperparameters in enumerate(finished) if i in best]
    above = [hyperparameters for i, hyperparameters in enumerate(finished) if i not in best]
    above_columns = _columns(searched, [*above, *running])
    sampler = TPESampler(n_startup_trials=0, multivariate=True, constant_liar=True)
    good = _estimator(sampler, searched, _columns(searched, below))
    random = numpy.random.RandomState(seed)  # what Optuna draws from
    suggestions = []
    for _ in range(size):
        bad = _estimator(sampler, searched, above_columns)
        candidates = good.sample(random, sampler._n_ei_candidates)
        points = numpy.array([candidates[name] for name in searched]).T
        gain = _log_densities(good._mixture_distribution, points) - _log_densities(
            bad._mixture_distribution, points
        )
        chosen = points[numpy.argmax(gain)]
        found = {
            name: distribution.to_external_repr(value.item())
            for (name, distribution), value in zip(searched.items(), chosen, strict=True)
        }
        above_columns = {
            name: numpy.append(column, searched[name].to_internal_repr(found[name]))
            for name, column in above_columns.items()
        }
        values = fixed | found
        suggestions.append({name: values[name] for name in distributions})
    return suggestions


def _columns(
    searched: Mapping[str, BaseDistribution], trials: Sequence[Mapping[str, Any]]
) -> dict[str, Numbers]:
    """The trials' values as Optuna's estimators take them."""
    return {
        name: numpy.array([distribution.to_internal_repr(trial[name]) for trial in trials], float)
        for name, distribution in searched.items()
    }


def _estimator(
    sampler: TPESampler, searched: Mapping[str, BaseDistribution], columns: dict[str, Numbers]
) -> _ParzenEstimator:
    return _ParzenEstimator(columns, dict(searched), sampler._parzen_estimator_parameters)


def _log_densities(mixture: _MixtureOfProductDistribution, points: Numbers) -> Numbers:
    """The logarithm of the mixture's density at each of the points (number, dimensions)."""
    total = numpy.log(mixture.weights)[None].repeat(len(points), axis=0)
    for distribution, values in zip(mixture.distributions, points.T, strict=True):
        if isinstance(distribution, _BatchedCategoricalDistributions):
            total += numpy.log(distribution.weights[:, values.astype(int)]).T
        elif distribution.step == 0.0:
            total += _continuous(distribution, values)
        else:
            total += _discrete(distribution, values)
    most = total.max(axis=1)
    most[numpy.isneginf(most)] = 0.0  # (-inf) - (-inf) would be no number
    with numpy.errstate(divide="ignore"):  # log(0) is -inf
        sums: Numbers = numpy.log(numpy.exp(total - most[:, None]).sum(axis=1)) + most
    return sums


def _continuous(kernels: Any, values: Numbers) -> Numbers:
    """Log densities (values, kernels) of truncated normals."""
    values = numpy.log(values) if kernels.is_log else values
    distance = (values[:, None] - kernels.mu) / kernels.sigma
    normal = -0.5 * distance**2 - 0.5 * math.log(2 * math.pi) - numpy.log(kernels.sigma)
    inside: Numbers = normal - _log_mass_of_all(kernels, kernels.mu, kernels.sigma)
    return inside


def _discrete(kernels: Any, values: Numbers) -> Numbers:
    """Log probabilities (values, kernels) of the cells of truncated normals.

    Whole numbers repeat: each different kernel and value is taken once.
    """
    pairs, kernel_of = numpy.unique(
        numpy.stack([kernels.mu, kernels.sigma]), axis=1, return_inverse=True
    )
    mu, sigma = pairs
    different, value_of = numpy.unique(values, return_inverse=True)
    left, right = different - kernels.step / 2, different + kernels.step / 2
    if kernels.is_log:
        left, right = numpy.log(left), numpy.log(right)
    mass = _log_mass((left[:, None] - mu) / sigma, (right[:, None] - mu) / sigma)
    cells: Numbers = (mass - _log_mass_of_all(kernels, mu, sigma))[
        numpy.ix_(value_of.ravel(), kernel_of.ravel())
    ]
    return cells


def _log_mass_of_all(kernels: Any, mu: Numbers, sigma: Numbers) -> Numbers:
    return _log_mass((kernels.adapted_low - mu) / sigma, (kernels.adapted_high - mu) / sigma)


def _log_mass(low: Numbers, high: Numbers) -> Numbers:
    """The logarithm of the standard normal's probability between `low` and `high`."""
    # In the left tail, where the logarithm keeps its precision.
    flip = low > 0
    low, high = numpy.where(flip, -high, low), numpy.where(flip, -low, high)
    upper = log_ndtr(high)
    with numpy.errstate(divide="ignore"):  # nothing lies between two equal numbers
        mass: Numbers = upper + numpy.log1p(-numpy.exp(log_ndtr(low) - upper))
    return mass
