"""Predictions that stay within the range of the ratings."""

import torch
from torch import Tensor


def sigmoid_range(x: Tensor, low: float, high: float) -> Tensor:
    """Squeeze numbers of any shape between `low` and `high`: sigmoid(x) * (high - low) + low.

    As fast.ai has it. Ratings of 0 to 5 get the range (0, 5.5), as the ends are never reached.

    Raises ValueError where `low` is not below `high`.

    >>> sigmoid_range(torch.tensor([-100.0, 0.0, 100.0]), 0, 5.5)
    tensor([0.0000, 2.7500, 5.5000])
    """
    if not low < high:
        raise ValueError(
            f"a range goes from a lower number to a higher one; received {low} to {high}: "
            "give both ends in their order, as in (0, 5.5)"
        )
    return torch.sigmoid(x) * (high - low) + low
