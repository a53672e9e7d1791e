"""The known good configuration: a linear network, exact where the product is an input.

With Adam as Kingma & Ba (2015) advise it.
"""

import math
from collections.abc import Mapping

from spaces import Choices
from spaces.domains import Domain
from spaces.vocabulary import Value

_KNOWN_GOOD: Mapping[str, int | float] = {
    "depth": 0,
    "width": 1,
    "learning_rate": 1e-2,
    "multiplication": True,
    "beta_1": 0.9,
    "beta_2": 0.999,
    "epsilon": 1e-8,
}
"""A linear network, which is exact where the product is an input, at a learning rate that works."""


def known_good(name: str, domain: Domain) -> Value:
    """Return the domain's value nearest to the known good one; the first where none is known."""
    target = _KNOWN_GOOD.get(name)
    if isinstance(domain, Choices):
        if target is None:
            return domain.choices[0]
        return min(domain.choices, key=lambda value: _distance(float(value), target))
    return domain.low if target is None else domain.nearest(target)


def _distance(value: float, target: int | float) -> float:
    """Return how far `value` is from `target`: a ratio for a float, as learning rates are felt."""
    if not isinstance(target, float):
        return abs(value - target)
    return abs(math.log(value / target)) if value else math.inf
