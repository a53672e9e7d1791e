"""The targets: what is to be learned of two vectors."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor


def _dot(a: Tensor, b: Tensor, products: Tensor, labels: Tensor) -> None:
    torch.sum(products, -2, out=labels)


TARGETS: Mapping[str, Callable[[Tensor, Tensor, Tensor, Tensor], None]] = {"dot": _dot}
"""Name -> what writes the labels (..., B) of vectors a, b (..., D, B) with products a * b."""
