"""Optimisers: what each keeps for a weight, which hyperparameters it reads, and torch's own."""

from collections.abc import Mapping

from ..pack import Member
from .adagrad import ADAGRAD
from .adam import ADAM, ADAMW
from .optimiser import Optimiser
from .sgd import SGD

OPTIMISERS: Mapping[str, Optimiser] = {"adam": ADAM, "adamw": ADAMW, "sgd": SGD, "adagrad": ADAGRAD}
"""Every optimiser by its name in the spec."""


def state_names(optimizer: str) -> tuple[str, ...]:
    """What is kept for every weight, in order: the weights, the optimiser's own, the average."""
    return ("weights", *OPTIMISERS[optimizer].states, "average")


def optimiser_settings(member: Member) -> dict[str, float]:
    """The values of the settings that the member's optimiser reads beside the learning rate."""
    names = OPTIMISERS[member.optimizer].settings
    return {name: float(member.hyperparameters[name]) for name in names}


__all__ = ["OPTIMISERS", "Optimiser", "optimiser_settings", "state_names"]
