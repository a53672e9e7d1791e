"""Optimisers: what each keeps for a weight, which hyperparameters it reads, and torch's own."""

from collections.abc import Mapping
from typing import Any

from ..pack import Member
from .adagrad import ADAGRAD
from .adam import ADAM, ADAMW, Moments
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


def moments_of(member: Member) -> Moments:
    """Adam's own, or the defaults where a member has none: on given vectors, or with another."""
    names = OPTIMISERS[member.optimizer].of_embeddings
    given = {name: member.hyperparameters[name] for name in names}
    return Moments(**{name: float(value) for name, value in given.items() if value is not None})


def torch_settings(member: Member) -> dict[str, Any]:
    """The same and Adam's own by the names that torch's optimiser has for them."""
    settings: dict[str, Any] = {**optimiser_settings(member)}
    if OPTIMISERS[member.optimizer].of_embeddings:
        moments = moments_of(member)
        settings |= {"betas": moments.betas, "eps": moments.epsilon}
    return settings


__all__ = [
    "OPTIMISERS",
    "Moments",
    "Optimiser",
    "moments_of",
    "optimiser_settings",
    "state_names",
    "torch_settings",
]
