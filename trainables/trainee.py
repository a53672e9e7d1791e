"""A member and its training state, outside any stack."""

from dataclasses import dataclass

import torch
from torch import Tensor

from .families import family_of
from .optimisers import state_names
from .pack import Member, Task


@dataclass(frozen=True)
class Trainee:
    """A member, its weights, its optimiser's state and the running average of its weights.

    `pieces` are its weight blocks as its family orders them, each with a leading axis of the
    `state_names` of its optimiser: the weights, the optimiser's own, the average of the weights.
    `updated` are the steps that each row of its table of embeddings has behind it, where rows are
    brought up to date when they are read; None before the first step, and without such a table.
    """

    member: Member
    pieces: tuple[Tensor, ...]
    updated: Tensor | None = None

    @classmethod
    def start(
        cls, member: Member, task: Task, device: torch.device, dtype: torch.dtype
    ) -> "Trainee":
        """The member before its first step."""
        starts_at_zero = [
            name not in ("weights", "average") for name in state_names(member.optimizer)
        ]
        pieces = []
        for piece in family_of(member).initial_pieces(member, task):
            states = [torch.zeros_like(piece) if zero else piece for zero in starts_at_zero]
            pieces.append(torch.stack(states).to(device, dtype))
        return cls(member, tuple(pieces))
