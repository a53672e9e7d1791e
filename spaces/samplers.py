"""Samplers: what may suggest a study's trials, and why others of Optuna's may not."""

import re
from collections.abc import Mapping

from .extensions import added_names
from .faults import Fault, Refused, did_you_mean

SAMPLER_NAMES = ("tpe", "random", "qmc", "gp", *added_names("samplers"))

WAITING_FOR_NOTHING = frozenset({"random", "qmc"})
"""Those that need no results; the others suggest later packs from those of earlier ones."""

_KEEPS_STATE = (
    "keeps its state between suggestions, so its packs are no pure function of the finished ones",
    "write tpe or gp, which learn from results",
)
_REFUSED: Mapping[str, tuple[str, str]] = {
    "cmaes": _KEEPS_STATE,
    "nsgaii": _KEEPS_STATE,
    "nsgaiii": _KEEPS_STATE,
    "grid": ("tries listed combinations, each of which is a study here", "list the values in grid"),
    "bruteforce": (
        "tries every combination, each of which is a study here",
        "list the values in grid",
    ),
    "partialfixed": ("only holds values fixed for another sampler", "write the values in fixed"),
}
"""The reason and the next step for each sampler of Optuna's that isn't offered."""


def check_sampler(value: object) -> object:
    """Return the name of a sampler as it is.

    Raises:
        Refused: if there is none of that name, with the reason where it is one of Optuna's.
    """
    if value in SAMPLER_NAMES:
        return value
    # as Optuna and papers write them: CmaEsSampler, CMA-ES, NSGA-II
    plain = re.sub(r"[^a-z0-9]", "", str(value).lower()).removesuffix("sampler")
    rule = f"must be one of {', '.join(SAMPLER_NAMES)}"
    next_step = did_you_mean(plain, SAMPLER_NAMES)
    if plain in _REFUSED:
        reason, next_step = _REFUSED[plain]
        rule = f"{rule}: {value} {reason}"
    raise Refused([Fault(rule=rule, got=value, next_step=next_step)])
