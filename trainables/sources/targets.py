"""The targets: what is to be learned of two vectors."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from spaces.extensions import WithExtensions


def _dot(a: Tensor, b: Tensor, products: Tensor, labels: Tensor) -> None:
    torch.sum(products, -2, out=labels)


def _cosine(a: Tensor, b: Tensor, products: Tensor, labels: Tensor) -> None:
    torch.sum(products, -2, out=labels)
    lengths = (a.square().sum(-2) * b.square().sum(-2)).sqrt_()
    # A vector of length 0, which has no angle, is at a right angle to all others.
    labels.div_(lengths.clamp_min_(torch.finfo(labels.dtype).tiny))


TARGETS: Mapping[str, Callable[[Tensor, Tensor, Tensor, Tensor], None]] = WithExtensions(
    "targets", {"dot": _dot, "cosine": _cosine}
)
"""Name -> what writes the labels (..., B) of vectors a, b (..., D, B) with products a * b."""
