"""Models on learned embeddings of users and items, as plain modules."""

from spaces.vocabulary import emb_sz_rule

from .collab_nn import CollabNN
from .dot_product_bias import DotProductBias
from .sigmoid_range import sigmoid_range

__all__ = ["CollabNN", "DotProductBias", "emb_sz_rule", "sigmoid_range"]
