"""GP: Bayesian optimisation by a Gaussian process, Optuna's `GPSampler` made anew for each pack.

A Matern 5/2 kernel with a length scale for each hyperparameter; the members of a pack one after the
other, each where it promises the most over the best trial and over what those that still run may
give (Ament et al. 2023, "Unexpected Improvements to Expected Improvement for Bayesian
Optimization", arXiv 2310.20708).
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from statistics import NormalDist

import numpy
import optuna
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.samplers import GPSampler
from optuna.trial import TrialState, create_trial

from spaces import Choices
from spaces.domains import Domain
from spaces.vocabulary import Value

from ..optuna_study import Distributions, distribution_of, quiet_optuna, running_trial
from ..outcome import Outcome, rank_of
from . import qmc
from .pack_request import PackRequest

_FEW = 16
"""A range of more values is searched as a continuous one, and the nearest value is taken. Optuna
lists them all, however many, and tries them one by one: a pack takes twice as long."""


def suggest(request: PackRequest) -> list[dict[str, Value]]:
    """Suggest by `GPSampler`, told of the finished trials by their `normal_scores`.

    Before the first results the study's quasi-random sequence goes on. The bits depend neither on
    the number of threads nor on what the process did before; another kind of processor may round
    otherwise.
    """
    if not request.finished:
        return qmc.suggest(request)
    distributions = {name: _searched(domain) for name, domain in request.space.items()}
    members: list[dict[str, Value]] = []
    with quiet_optuna(optuna.logging.ERROR), numpy.errstate(all="ignore"), _one_thread():
        study = _study(request, distributions)
        for _ in range(request.size):
            asked = study.ask(distributions)
            members.append(
                {name: _nearest(each, asked.params[name]) for name, each in request.space.items()}
            )
            study.tell(asked, state=TrialState.FAIL)  # what runs has the nearest values
            study.add_trial(running_trial(members[-1], distributions))
    return members


def normal_scores(outcomes: Sequence[Outcome]) -> list[float]:
    """Return a number for each outcome, lower is better: the normal score of its `rank_of`.

    That is the standard normal's quantile at the middle of the outcome's share of the order (van
    der Waerden 1952); equal ones share the middle of theirs. So pruned and diverged trials have
    numbers too, worse than any completed one's, without a penalty to be chosen; and the process
    sees a bell curve whatever the scale of nmse, which spans ten orders of magnitude.
    """
    ranks = [rank_of(outcome) for outcome in outcomes]
    ordered, twice, normal = sorted(ranks), 2 * len(ranks), NormalDist()
    return [
        normal.inv_cdf((bisect_left(ordered, rank) + bisect_right(ordered, rank)) / twice)
        for rank in ranks
    ]


def _study(request: PackRequest, distributions: Distributions) -> optuna.Study:
    study = optuna.create_study(sampler=GPSampler(seed=request.seed, n_startup_trials=1))
    scores = normal_scores(request.finished)
    for outcome, score in zip(request.finished, scores, strict=True):
        values = dict(outcome.hyperparameters)
        study.add_trial(create_trial(value=score, params=values, distributions=distributions))
    study.add_trials([running_trial(member, distributions) for member in request.running])
    return study


def _searched(domain: Domain) -> BaseDistribution:
    if isinstance(domain, Choices) or domain.count is None or domain.count <= _FEW:
        return distribution_of(domain)
    return FloatDistribution(domain.low, domain.high, log=domain.log)


def _nearest(domain: Domain, value: Value) -> Value:
    return value if isinstance(domain, Choices) else domain.nearest(float(value))


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let torch add up in one order only: in another, sums are rounded otherwise."""
    import torch  # takes seconds: not for those who only read a spec

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
