"""An MLP on two embeddings, as fast.ai's lesson on collaborative filtering has it."""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from .dot_product_bias import FACTORS_STD
from .sigmoid_range import sigmoid_range


class CollabNN(nn.Module):
    """A user's and an item's embedding, one behind the other, into an MLP of ReLU layers.

    Legend: U users of F factors, I items of G factors, B pairs. The parameters are user_factors
    (U, F), item_factors (I, G) and those of `layers`. fast.ai's has one hidden layer of 100 units.

    See [fast.ai: Collaborative filtering deep dive](https://docs.fast.ai/tutorial.collab.html).
    """

    def __init__(
        self,
        user_size: tuple[int, int],
        item_size: tuple[int, int],
        y_range: tuple[float, float] | None = (0.0, 5.5),
        layer_sizes: Sequence[int] = (100,),
        *,
        multiplication: bool = False,
        generator: torch.Generator,
    ) -> None:
        """Draw all weights, in the order of the parameters, weight before bias.

        `user_size` is (U, F), `item_size` (I, G), `layer_sizes` the units of each hidden layer.
        `y_range` are the ends between which predictions stay; None: they may be any number. With
        `multiplication` the elementwise product of the embeddings is part of the input.
        Embeddings are normal with standard deviation 0.01, cut off at two of them; layers as
        `torch.nn.Linear` has them.

        Raises ValueError where embeddings of unlike sizes are to be multiplied.
        """
        super().__init__()
        if multiplication and user_size[1] != item_size[1]:
            raise ValueError(
                "embeddings are multiplied factor by factor; received "
                f"{user_size[1]} factors of users and {item_size[1]} of items: give both the same"
            )

        def embedding(size: tuple[int, int]) -> nn.Parameter:
            weight, most = torch.empty(*size), 2 * FACTORS_STD
            nn.init.trunc_normal_(weight, 0, FACTORS_STD, -most, most, generator=generator)
            return nn.Parameter(weight)

        self.y_range, self.multiplication = y_range, multiplication
        self.user_factors, self.item_factors = embedding(user_size), embedding(item_size)
        inputs = user_size[1] + item_size[1] + (user_size[1] if multiplication else 0)
        modules: list[nn.Module] = []
        for fan_in, fan_out in pairwise([inputs, *layer_sizes, 1]):
            # Not by its own initialisation, which draws from the global generator.
            linear = nn.utils.skip_init(nn.Linear, fan_in, fan_out)
            for parameter in (linear.weight, linear.bias):
                bound = 1 / math.sqrt(fan_in)
                nn.init.uniform_(parameter, -bound, bound, generator=generator)
            modules += [linear, nn.ReLU()]
        self.layers = nn.Sequential(*modules[:-1])

    def forward(self, pairs: Tensor) -> Tensor:
        """The predictions (B,) of pairs (B, 2): the index of a user, and that of an item."""
        user, item = pairs.unbind(1)
        embeddings = [self.user_factors[user], self.item_factors[item]]
        if self.multiplication:
            embeddings.append(embeddings[0] * embeddings[1])
        rating: Tensor = self.layers(torch.cat(embeddings, dim=1)).squeeze(1)
        return rating if self.y_range is None else sigmoid_range(rating, *self.y_range)
