"""Random search: every value drawn alone, uniform in its domain (or in the logarithm)."""

from optuna.samplers import RandomSampler

from spaces.vocabulary import Value

from ..optuna_study import ask, distributions_of
from .pack_request import PackRequest


def suggest(request: PackRequest) -> list[dict[str, Value]]:
    """Suggest a pack by Optuna's `RandomSampler`."""
    sampler = RandomSampler(seed=request.seed)
    return ask(sampler, distributions_of(request.space), [], request.size)
