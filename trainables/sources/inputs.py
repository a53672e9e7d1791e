"""The distributions of the vectors' entries, each of mean 0 and variance 1."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor


def _normal(vectors: Tensor, generator: torch.Generator) -> None:
    vectors.normal_(generator=generator)


INPUTS: Mapping[str, Callable[[Tensor, torch.Generator], None]] = {"normal": _normal}
"""Name -> what fills a tensor with independent entries, in one draw."""
