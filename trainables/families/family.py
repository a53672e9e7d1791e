"""What the rest of the project asks of a family of models."""

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor, nn

from ..pack import Member, Task


class Family(Protocol):
    """A kind of model: what its hyperparameters mean, and how it begins.

    An engine that trains a family knows its computations; everything else about a model is asked
    here. All methods are pure.
    """

    name: str

    def parameters(self, member: Member, task: Task) -> int:
        """The number of trainable parameters, weights and biases."""

    def flops_per_pair(self, member: Member, task: Task) -> int:
        """The floating-point operations of the matrix products of a training pair, both ways."""

    def initial_pieces(self, member: Member, task: Task) -> Sequence[Tensor]:
        """The weight blocks before the first step, float32, on the CPU; no batch is drawn."""

    def reference(self, member: Member, task: Task) -> nn.Module:
        """The member as a plain module with its initial weights, float32, on the CPU.

        It takes two batches of vectors (B, D), or of rows of embeddings (B,), and gives the
        predictions (B,). It shares the initial
        weights with the engines, and no computation.
        """

    def undecayed(self, network: nn.Module) -> Sequence[nn.Parameter]:
        """The parameters of such a module that weight decay leaves alone."""
