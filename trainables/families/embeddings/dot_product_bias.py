"""Matrix factorisation with biases, as fast.ai's lesson on collaborative filtering has it."""

import torch
from torch import Tensor, nn

from .sigmoid_range import sigmoid_range

FACTORS_STD = 0.01
"""Standard deviation of all weights before the first step, as in fast.ai."""


class DotProductBias(nn.Module):
    """The dot product of a user's and an item's factors, plus a bias of each.

    Legend: U users, I items, F factors, B pairs. The parameters are user_factors (U, F), user_bias
    (U,), item_factors (I, F), item_bias (I,). `user_bias` and `item_bias` are None without biases.

    See [fast.ai: Collaborative filtering deep dive](https://docs.fast.ai/tutorial.collab.html).
    """

    def __init__(
        self,
        users: int,
        items: int,
        factors: int,
        y_range: tuple[float, float] | None = (0.0, 5.5),
        *,
        biases: bool = True,
        generator: torch.Generator,
    ) -> None:
        """Draw all weights from N(0, 0.01^2), in the order of the parameters.

        `y_range` are the ends between which predictions stay; None: they may be any number.
        """
        super().__init__()

        def drawn(*sizes: int) -> nn.Parameter:
            return nn.Parameter(torch.empty(*sizes).normal_(0, FACTORS_STD, generator=generator))

        self.y_range = y_range
        self.user_factors = drawn(users, factors)
        self.user_bias = drawn(users) if biases else None
        self.item_factors = drawn(items, factors)
        self.item_bias = drawn(items) if biases else None

    def forward(self, pairs: Tensor) -> Tensor:
        """The predictions (B,) of pairs (B, 2): the index of a user, and that of an item."""
        user, item = pairs.unbind(1)
        rating = (self.user_factors[user] * self.item_factors[item]).sum(1)
        if self.user_bias is not None and self.item_bias is not None:
            rating = rating + self.user_bias[user] + self.item_bias[item]
        return rating if self.y_range is None else sigmoid_range(rating, *self.y_range)
