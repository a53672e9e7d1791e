"""What suggests the members of a pack: one file a sampler.

Another one is another file and another line here; its name stands in `spaces/samplers.py`.
"""

from collections.abc import Mapping

from spaces.extensions import WithExtensions

from . import gp, qmc, random, tpe
from .pack_request import PackRequest, Sampler

SAMPLERS: Mapping[str, Sampler] = WithExtensions(
    "samplers",
    {"tpe": tpe.suggest, "random": random.suggest, "qmc": qmc.suggest, "gp": gp.suggest},
)
"""The samplers by the names that a spec gives them."""

__all__ = ["SAMPLERS", "PackRequest", "Sampler"]
