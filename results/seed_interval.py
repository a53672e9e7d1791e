"""What a search reaches with another seed: an interval over the seeds that were tried."""

import math
import statistics
from collections.abc import Sequence

from .exact_nmse import EXACT_NMSE

CONFIDENCE = 0.95
FEWEST_SEEDS = 3
"""With two the interval spans a factor of hundreds, and says nothing."""


def seed_interval(values: Sequence[float | None]) -> tuple[float, float] | None:
    """Return the interval of the nmse that a search reaches, whatever its seed.

    `values` are those of searches that are alike but in the seed. Student's t interval of the mean
    of log nmse: it holds the geometric mean over all seeds with a probability of 95% where the
    logarithms are normal, and with one of 91 to 93% where they are as skewed as the lowest of 64
    trials near a parabola's minimum (4,000 repeats; tests count both).

    None with fewer than three values, where one is not known (a search that isn't confirmed, or
    whose median diverged), and where one is exact: the logarithm of rounding means nothing.
    """
    known = [value for value in values if value is not None and value > EXACT_NMSE]
    if len(known) < max(len(values), FEWEST_SEEDS):
        return None
    from scipy.special import stdtrit  # a fifth of a second: not for every worker and command

    logarithms = [math.log(value) for value in known]
    middle, spread = statistics.fmean(logarithms), statistics.stdev(logarithms)
    quantile = float(stdtrit(len(known) - 1, (1 + CONFIDENCE) / 2))
    half = quantile * spread / math.sqrt(len(known))
    return math.exp(middle - half), math.exp(middle + half)
