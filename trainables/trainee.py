"""A member and its training state, outside any stack."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .initialisation import initial_layers
from .pack import Member


@dataclass(frozen=True)
class Trainee:
    """A member, its weights, its Adam state and the running average of its weights.

    `pieces` are its weight blocks in the order of the layers, each with a leading axis of four:
    weights, first moment, second moment, running average of the weights. The first layer is one
    piece (outputs, I + 1) with its bias in column 2 D; a further layer is two: (outputs, inputs)
    and (outputs, 1).
    """

    member: Member
    pieces: tuple[Tensor, ...]

    @classmethod
    def start(
        cls, member: Member, dimension: int, device: torch.device, dtype: torch.dtype
    ) -> "Trainee":
        """The member before its first step."""
        states = []
        for piece in layer_pieces(initial_layers(member, dimension), dimension):
            zeros = torch.zeros_like(piece)
            states.append(torch.stack([piece, zeros, zeros, piece]).to(device, dtype))
        return cls(member, tuple(states))


def layer_pieces(layers: Sequence[tuple[Tensor, Tensor]], dimension: int) -> list[Tensor]:
    """Weights and biases in the shapes of `Trainee.pieces`, without the leading axis."""
    (first, first_bias), *further = layers
    vectors = 2 * dimension
    pieces = [torch.cat([first[:, :vectors], first_bias[:, None], first[:, vectors:]], dim=1)]
    for weight, bias in further:
        pieces += [weight, bias[:, None]]
    return pieces
