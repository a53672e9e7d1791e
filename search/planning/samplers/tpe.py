"""TPE: the tree-structured Parzen estimator, multivariate, with running trials as a constant liar.

Bergstra et al. 2011, "Algorithms for Hyper-Parameter Optimization" (NeurIPS).
"""

from optuna.samplers import TPESampler

from spaces.vocabulary import Value

from ..optuna_study import ask, distributions_of, finished_trial, running_trial
from ..outcome import rank_of
from .pack_request import PackRequest

try:
    from .tpe_pack import tpe_pack
except ImportError:  # another version of Optuna: its sampler suggests the same, slower
    tpe_pack = None  # type: ignore[assignment]


def suggest(request: PackRequest) -> list[dict[str, Value]]:
    """Suggest what Optuna's `TPESampler` would, told of trials by their rank (`rank_of`)."""
    distributions = distributions_of(request.space)
    if request.finished and tpe_pack is not None:
        return tpe_pack(
            distributions,
            finished=[outcome.hyperparameters for outcome in request.finished],
            ranks=[rank_of(outcome) for outcome in request.finished],
            running=request.running,
            size=request.size,
            seed=request.seed,
        )
    trials = [finished_trial(outcome, distributions) for outcome in request.finished]
    trials += [running_trial(member, distributions) for member in request.running]
    sampler = TPESampler(
        seed=request.seed, n_startup_trials=0, multivariate=True, constant_liar=True
    )
    return ask(sampler, distributions, trials, request.size)
