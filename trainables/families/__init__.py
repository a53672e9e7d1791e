"""Families: the kinds of models that can be trained."""

from collections.abc import Mapping

from ..pack import Member
from .family import Family
from .mlp import MlpFamily

FAMILIES: Mapping[str, Family] = {family.name: family for family in (MlpFamily(),)}
"""Every family by its name."""


def family_of(member: Member) -> Family:
    """The family that the member is a model of: the MLP, as long as there is no other."""
    return FAMILIES["mlp"]


__all__ = ["FAMILIES", "Family", "family_of"]
