"""Quasi-Monte Carlo: the study's Sobol sequence, scrambled, one point a trial.

Its points fill the space more evenly than random ones, in every projection: Owen 1998, "Scrambling
Sobol' and Niederreiter-Xing points" (Journal of Complexity). Evenest after 2^k trials.
"""

import math

from spaces import Choices, FloatRange, IntRange
from spaces.domains import Domain
from spaces.vocabulary import Value

from .pack_request import PackRequest


def suggest(request: PackRequest) -> list[dict[str, Value]]:
    """Suggest the points `first` .. `first + size` of the sequence that the study's seed scrambles.

    The idea of Optuna's `QMCSampler` (`qmc_type="sobol"`, `scramble=True`), which counts its points
    in the study's storage; here a trial's point is that of its own number.
    """
    from scipy.stats.qmc import Sobol  # takes a second: not for those who only read a spec

    sobol = Sobol(len(request.space), scramble=True, rng=request.sequence_seed)
    if request.first > 0:  # SciPy refuses to go forward by 0
        sobol.fast_forward(request.first)
    drawn = 1 << (request.size - 1).bit_length()  # SciPy warns unless it is a power of two
    points = sobol.random(drawn)[: request.size].tolist()
    return [
        {
            name: _value_at(domain, unit)
            for (name, domain), unit in zip(request.space.items(), point, strict=True)
        }
        for point in points
    ]


def _value_at(domain: Domain, unit: float) -> Value:
    """Return the value at `unit` in [0, 1) of the domain: uniform, or uniform in the logarithm."""
    match domain:
        case Choices(choices=choices):
            return choices[int(unit * len(choices))]
        case IntRange(low=low, high=high, log=True):
            # as Optuna does: each whole number owns half a unit on either side
            value = round(_between_logs(low - 0.5, high + 0.5, unit))
            return min(max(value, low), high)
        case IntRange(low=low, high=high, step=step):
            values = range(low, high + 1, step)
            return values[int(unit * len(values))]
        case FloatRange(low=low, high=high, log=True):
            return min(max(_between_logs(low, high, unit), low), high)
        case FloatRange(low=low, high=high, step=None):
            return low + unit * (high - low)
        case FloatRange(count=int(count)):
            return domain.value_at(int(unit * count))
    raise TypeError(f"no domain: {domain!r}")


def _between_logs(low: float, high: float, unit: float) -> float:
    return math.exp(math.log(low) + unit * (math.log(high) - math.log(low)))
