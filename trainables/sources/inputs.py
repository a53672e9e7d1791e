"""The distributions of the vectors' entries, each of mean 0 and variance 1."""

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from spaces.extensions import WithExtensions


def _normal(vectors: Tensor, generator: torch.Generator) -> None:
    vectors.normal_(generator=generator)


def _uniform(vectors: Tensor, generator: torch.Generator) -> None:
    vectors.uniform_(-math.sqrt(3), math.sqrt(3), generator=generator)


def _rademacher(vectors: Tensor, generator: torch.Generator) -> None:
    vectors.bernoulli_(0.5, generator=generator).mul_(2).sub_(1)


INPUTS: Mapping[str, Callable[[Tensor, torch.Generator], None]] = WithExtensions(
    "inputs", {"normal": _normal, "uniform": _uniform, "rademacher": _rademacher}
)
"""Name -> what fills a tensor with independent entries, in one draw."""
