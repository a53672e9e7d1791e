"""Learned embeddings of users and items under a dot product or an MLP."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

import torch
from torch import Tensor, nn

from spaces.vocabulary import (
    LAYERED_MODELS,
    embedding_columns,
    embedding_rows,
    input_count,
    layer_units,
    parameter_count,
    range_ends,
)

from ..pack import Member, Task
from ..sources import label_origin
from .embeddings.dot_product_bias import FACTORS_STD
from .embeddings.sigmoid_range import sigmoid_range
from .mlp import layer_pieces
from .mlp_initial_weights import initial_layers
from .mlp_network import Network


@dataclass(frozen=True, kw_only=True)
class EmbeddingModel:
    """The configuration of a model on embeddings: what this family reads of the hyperparameters.

    `factors` are the numbers of an embedding that are multiplied, or that an MLP reads, or of each
    where one stands beside the other. The MLP is that of two vectors, and what describes it is None
    without one. `y_range` are the ends between which predictions are kept; None: they may be any.
    """

    model: str
    factors: int
    y_range: tuple[float, float] | None
    layer_sizes: tuple[int, ...] | None
    multiplication: bool | None
    activation: str | None
    initialisation: str | None
    dropout: float | None

    @classmethod
    def of(cls, member: Member) -> Self:
        """The configuration in a member's hyperparameters."""
        given: Mapping[str, Any] = member.hyperparameters
        mlp = given["model"] in LAYERED_MODELS
        return cls(
            model=given["model"],
            factors=given["factors"],
            y_range=range_ends(given["y_range"]),
            layer_sizes=layer_units(given["layer_sizes"]) if mlp else None,
            multiplication=given["multiplication"] if mlp else None,
            activation=given["activation"] if mlp else None,
            initialisation=given["initialisation"] if mlp else None,
            dropout=given["dropout"] if mlp else None,
        )

    @property
    def columns(self) -> int:
        """The numbers of a row: its factors, and behind them a bias, or factors to multiply."""
        return embedding_columns(self.model, self.factors)

    @property
    def decayed_columns(self) -> int:
        """The numbers of a row that weight decay is for: all but its bias."""
        return self.factors if self.model == "dot_bias" else self.columns

    @property
    def dot_beside(self) -> bool:
        """Whether the prediction is an MLP's and the dot product of further factors."""
        return bool(self.sizes) and self.columns > self.factors

    @property
    def sizes(self) -> tuple[int, ...]:
        """Of the MLP the inputs, the units of each hidden layer and the output; else empty."""
        if self.layer_sizes is None:
            return ()
        return (input_count(self.factors, bool(self.multiplication)), *self.layer_sizes, 1)


def rows_of(task: Task) -> int:
    """The rows of the table: those of the users, and below them those of the items.

    Of a table of ratings the first of either is for what does not occur in training.

    Raises ValueError for a task that has neither.
    """
    if task.users is None or task.items is None:
        raise ValueError(f"embeddings are of users and items; got {task}")
    return sum(embedding_rows(task.data, number) for number in (task.users, task.items))


class EmbeddingFamily:
    """See `Family`.

    A member's first weight block is its table (`rows_of`, columns); those of an MLP follow, as
    its family has them for vectors of so many factors.
    """

    name = "embeddings"

    def parameters(self, member: Member, task: Task) -> int:
        """See `Family`."""
        model = EmbeddingModel.of(member)
        table = rows_of(task) * model.columns
        if not model.sizes:
            return table
        return table + parameter_count(inputs=model.sizes[0], units=model.sizes[1:-1])

    def flops_per_pair(self, member: Member, task: Task) -> int:
        """See `Family`: of a dot product those of its factors, three times; of an MLP all layers';
        where both stand side by side the sum of the two.

        The first layer of an MLP passes its gradient on to the embeddings.
        """
        model = EmbeddingModel.of(member)
        products = sum(below * above for below, above in pairwise(model.sizes))
        return 6 * (products + (model.factors if model.dot_beside or not products else 0))

    def initial_pieces(self, member: Member, task: Task) -> list[Tensor]:
        """See `Family`."""
        table, layers = _initial(member, task)
        return [table, *(layer_pieces(layers, EmbeddingModel.of(member).factors) if layers else [])]

    def reference(self, member: Member, task: Task) -> "EmbeddingNetwork":
        """See `Family`: a module that takes the rows (B,) of the users, and those of the items."""
        model, seed = EmbeddingModel.of(member), member.initialisation_seed
        weights = _initial(member, task)
        return EmbeddingNetwork(model, *weights, origin=label_origin(task), seed=seed)

    def undecayed(self, network: nn.Module) -> list[nn.Parameter]:
        """See `Family`: the biases of rows and of layers."""
        return [each for name, each in network.named_parameters() if "bias" in name]


def _initial(member: Member, task: Task) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
    """The table, and the MLP's layers: the latter as those of vectors, of the same seed."""
    model, seed = EmbeddingModel.of(member), member.initialisation_seed
    layers = initial_layers(model.sizes, seed, model.initialisation) if model.initialisation else []
    generator = torch.Generator().manual_seed((seed + 1) % 2**63)
    table = torch.empty(rows_of(task), model.columns)
    return table.normal_(0, FACTORS_STD, generator=generator), layers


class EmbeddingNetwork(nn.Module):
    """A table of rows under a dot product, with or without biases, under an MLP, or under both.

    The biases of rows are parameters apart from their factors, as weight decay leaves them alone.
    """

    def __init__(
        self,
        model: EmbeddingModel,
        table: Tensor,
        layers: Sequence[tuple[Tensor, Tensor]],
        *,
        seed: int,
        origin: float = 0.0,
    ) -> None:
        """Build it with these weights, which are copied.

        `seed` is that of its dropout, `origin` what labels are counted from.
        """
        super().__init__()
        self.model, self.origin = model, origin
        columns = model.decayed_columns
        self.table = nn.Parameter(table[:, :columns].clone())
        self.biases = None
        if model.columns > columns:
            self.biases = nn.Parameter(table[:, columns:].clone())
        self.mlp = None
        if layers:
            self.mlp = Network(
                layers,
                activation=str(model.activation),
                multiplication=bool(model.multiplication),
                dropout=model.dropout or 0.0,
                seed=seed,
            )

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        """The predictions (B,) for rows of users (B,) and of items (B,)."""
        output = self._output(users, items)
        if self.model.y_range is None:
            return output
        return sigmoid_range(output, *self.model.y_range) - self.origin

    def _output(self, users: Tensor, items: Tensor) -> Tensor:
        """What the model puts out, in a range or not."""
        user, item = self.table[users], self.table[items]
        factors = self.model.factors
        if self.mlp is not None:
            output: Tensor = self.mlp(user[:, :factors], item[:, :factors])
            return output + (user[:, factors:] * item[:, factors:]).sum(1)
        product = (user * item).sum(1)
        if self.biases is None:
            return product
        return product + self.biases[users].sum(1) + self.biases[items].sum(1)
