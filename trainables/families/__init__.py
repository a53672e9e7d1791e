"""Families: the kinds of models that can be trained."""

from collections.abc import Mapping

from ..pack import Member
from .embedding_family import EmbeddingFamily
from .family import Family
from .mlp import MlpFamily

FAMILIES: Mapping[str, Family] = {
    family.name: family for family in (MlpFamily(), EmbeddingFamily())
}
"""Every family by its name."""


def family_of(member: Member) -> Family:
    """The family that the member is a model of: that of embeddings where these have factors."""
    return FAMILIES["mlp" if member.hyperparameters["factors"] is None else "embeddings"]


__all__ = ["FAMILIES", "Family", "family_of"]
