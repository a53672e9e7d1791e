"""The operations of one model on embeddings, as kernels: its rows, what joins them, its optimiser.

Legend: R rows of users and items, C columns of a row in whole vectors, F factors.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace

import torch
from torch import Tensor

from ..families.embedding_family import EmbeddingModel
from ..optimisers import Moments, moments_of, optimiser_settings
from ..pack import Member
from ..sources.batches import input_rows
from .compiled_member import (
    CompiledMember,
    Operation,
    Workspace,
    address,
    bits,
    kernel_settings,
)
from .kernels import LANES, PANEL, Kernels, Program, embedding_kernels, optimiser_kernel
from .lazy_rows import LazyRows, RowOptimiser, RowSchedule
from .panels import SLICE_PANELS, Panels

LAZY = ("adam", "adamw")
"""The optimisers whose path of a row without gradients is walked when the row is next read."""


@dataclass(frozen=True, kw_only=True)
class RowPairs:
    """A stream's pairs by their rows: indices (N, 2, B), and labels (N, P * PANEL), padded."""

    indices: Tensor
    labels: Tensor

    @property
    def size(self) -> int:
        """B."""
        return self.indices.shape[2]


class EmbeddingSpace:
    """What a thread computes in: one member's gradients and the activations of a slice."""

    def __init__(
        self, members: Sequence["EmbeddingMember"], *, pairs: int, layers: Workspace
    ) -> None:
        """For these members, on batches of so many pairs."""
        dtype = members[0].table.dtype

        def zeros(*sizes: int) -> Tensor:
            return torch.zeros(*sizes, dtype=dtype)

        self.layers = layers
        # Zero between steps.
        self.gradients = zeros(max(member.table[0].numel() for member in members))
        features = max(input_rows(member.model.factors) for member in members)
        # Whole vectors of factors are written and read, also behind the last one.
        self.inputs = zeros((SLICE_PANELS * features + LANES) * PANEL)
        self.deltas = zeros((SLICE_PANELS * features + LANES) * PANEL)
        self.rows = zeros(LANES, max(member.table.shape[2] for member in members))
        self.scratch = zeros(pairs + LANES, LANES)
        self.errors = zeros(pairs + LANES)
        self.remainders = zeros(SLICE_PANELS * PANEL)
        self.products = zeros(SLICE_PANELS * PANEL)
        self.no_products = zeros(SLICE_PANELS * PANEL)


@dataclass(kw_only=True)
class EmbeddingMember:
    """A member's states, and the operations on them.

    `table` (S, R, C) and `layers` (S, size) hold the `state_names` of its optimiser in their order;
    `updated` (R,) the steps that each row has behind it, `done` (1,) those before the next block;
    `origin` is what labels are counted from, and predictions with them.
    """

    member: Member
    table: Tensor
    layers: Tensor | None
    updated: Tensor
    done: Tensor
    origin: float
    model: EmbeddingModel = field(init=False)
    kernels: Kernels = field(init=False)
    mlp: CompiledMember | None = field(init=False)
    rows: LazyRows | None = field(init=False)
    _settings: Tensor = field(init=False)
    _bias: Tensor = field(init=False)
    _decays: Tensor | None = field(init=False)
    """The weight decay of each number of `layers`, 0 of a bias; None without a decay."""
    _multiplied: Tensor | None = field(init=False)
    """(C,), 1 in the columns of a dot product beside an MLP; None where there is none."""
    _range: dict[str, int] | None = field(init=False)
    """The slots of the range that predictions are kept in; None without."""

    def __post_init__(self) -> None:
        member, dtype = self.member, self.table.dtype
        self.model = EmbeddingModel.of(member)
        number = "float32" if dtype == torch.float32 else "float64"
        self.kernels = embedding_kernels(
            self.model.activation or "relu",
            member.optimizer,
            number,
            ranged=self.model.y_range is not None,
        )
        self._range = None
        if self.model.y_range is not None:
            low, high = self.model.y_range
            self._range = {"low": bits(low - self.origin), "span": bits(high - low)}
        self.mlp = None
        if self.layers is not None:
            self.mlp = CompiledMember(
                member=member,
                dimension=self.model.factors,
                kernels=self.kernels,
                done=self.done,
                moments=self.moments,
            )
        self._settings = kernel_settings(member, self.moments)
        self._decays = None
        decay = optimiser_settings(member).get("weight_decay", 0.0)
        if self.mlp is not None and decay:
            self._decays = self.mlp.of_weights().to(dtype) * decay
        self._bias = torch.zeros(self.table.shape[2], dtype=dtype)
        self._multiplied = None
        if self.model.dot_beside:
            self._multiplied = torch.zeros_like(self._bias)
            self._multiplied[self.model.factors : self.model.columns] = 1
        else:
            self._bias[self.model.factors : self.model.columns] = 1
        self.rows = self._lazy(decay) if member.optimizer in LAZY else None

    @property
    def moments(self) -> Moments:
        """Adam's own; the defaults of another."""
        return moments_of(self.member)

    def _lazy(self, decay: float) -> LazyRows:
        return LazyRows(
            kernels=self.kernels,
            states=self.table,
            updated=self.updated,
            optimiser=RowOptimiser(
                learning_rate=self.member.learning_rate,
                weight_decay=decay,
                **asdict(self.moments),
            ),
            done=self.done,
            biases=self.model.decayed_columns if self.model.model == "dot_bias" else None,
        )

    def step(
        self,
        batch: RowPairs,
        space: EmbeddingSpace,
        sums: Tensor,
        *,
        schedule: Tensor,
        missed: RowSchedule | None,
        averaging: bool,
    ) -> list[Operation]:
        """A step of training on each batch; `schedule` has the steps of a block.

        `missed` has all steps, for rows that are brought up to date: else it may be None.
        """
        operations: list[Operation] = []
        read = batch.indices.flatten(1)
        gradients = space.gradients[: self.table[0].numel()]
        if self.rows is not None and missed is not None:
            operations.append(self.rows.catch_up(read, missed, averaging=averaging))
        operations += self._pairs(self.table[0], batch, space, sums, backward=True)
        if self.rows is not None and missed is not None:
            operations.append(self.rows.update(read, missed, gradients, averaging=averaging))
        else:
            operations.append(
                self.kernels.operation(
                    optimiser_kernel(self.member.optimizer, of_weights=False, averaging=averaging),
                    states_pointer=address(self.table),
                    gradients_pointer=address(gradients),
                    size=self.table[0].numel(),
                    settings_pointer=address(self._settings),
                    schedule_pointer=address(schedule),
                )
            )
        if self.mlp is not None and self.layers is not None:
            operations.append(
                self.mlp.optimise(
                    self.layers,
                    space.layers,
                    schedule,
                    averaging=averaging,
                    decays=self._decays,
                )
            )
        return operations

    def current(self, state: int, missed: RowSchedule | None, *, averaging: bool) -> Tensor:
        """A copy of the table's weights (R, C), or of another state, with all rows up to date."""
        if self.rows is None or missed is None:
            return self.table[state].clone()
        copy = replace(self.rows, states=self.table.clone(), updated=self.updated.clone())
        everyone = torch.arange(self.table.shape[1])[None]
        operation = copy.catch_up(everyone, missed, averaging=averaging)
        Program(self.kernels, [operation]).run(1)
        return copy.states[state].clone()

    def compare(
        self,
        table: Tensor,
        state: int,
        batch: RowPairs,
        space: EmbeddingSpace,
        sums: Tensor,
        *,
        errors: Tensor | None = None,
    ) -> list[Operation]:
        """Predict each batch with a table (R, C) and a state of the layers, and add to `sums`.

        In `errors` (B and padding), where given, are those of the last batch then.
        """
        return self._pairs(table, batch, space, sums, backward=False, state=state, errors=errors)

    def _pairs(
        self,
        table: Tensor,
        batch: RowPairs,
        space: EmbeddingSpace,
        sums: Tensor,
        *,
        backward: bool,
        state: int = 0,
        errors: Tensor | None = None,
    ) -> list[Operation]:
        if self.mlp is not None:
            operations = []
            for first in range(0, batch.size, SLICE_PANELS * PANEL):
                left = None if errors is None else errors[first:]
                operations += self._mlp_slice(
                    table, batch, space, sums, first, backward, state, left
                )
            return operations
        return [
            self.kernels.operation(
                "dot_pairs" if self._range is None else "dot_pairs_ranged",
                **self._rows_of(table, batch, 0, batch.size),
                bias_pointer=address(self._bias),
                labels_pointer=address(batch.labels),
                labels_step_stride=batch.labels.stride(0),
                scale=bits(2.0 / batch.size if errors is None else 1.0),
                scratch_pointer=address(space.scratch),
                errors_pointer=address(space.errors if errors is None else errors),
                sums_pointer=address(sums),
                backward=int(backward),
                gradients_pointer=address(space.gradients),
                **(self._range or {}),
            )
        ]

    def _mlp_slice(
        self,
        table: Tensor,
        batch: RowPairs,
        space: EmbeddingSpace,
        sums: Tensor,
        first: int,
        backward: bool,
        state: int,
        errors: Tensor | None,
    ) -> list[Operation]:
        assert self.mlp is not None
        assert self.layers is not None
        pairs = min(batch.size - first, SLICE_PANELS * PANEL)
        panels, features = -(-pairs // PANEL), input_rows(self.model.factors)
        weights = self.layers[state]
        labels = batch.labels[:, first : first + panels * PANEL].unflatten(1, (panels, PANEL))
        rows = self._rows_of(table, batch, first, pairs)
        operations, ranged = [], None
        if self._range is not None:
            products = space.no_products if self._multiplied is None else space.products
            ranged = {
                **self._range,
                "products_pointer": address(products),
                "backward": int(backward),
            }
        if self._multiplied is not None and ranged is not None:
            operations.append(
                self.kernels.operation(
                    "products",
                    **rows,
                    mask_pointer=address(self._multiplied),
                    scratch_pointer=address(space.scratch),
                    products_pointer=address(space.products),
                )
            )
        elif self._multiplied is not None:
            operations.append(
                self.kernels.operation(
                    "remainders",
                    **rows,
                    mask_pointer=address(self._multiplied),
                    labels_pointer=address(labels),
                    labels_step_stride=labels.stride(0),
                    scratch_pointer=address(space.scratch),
                    remainders_pointer=address(space.remainders),
                )
            )
            remainders = space.remainders[: panels * PANEL].view(1, panels, PANEL)
            labels = remainders.expand(len(labels), -1, -1)  # the same memory at every step
        gathered = space.inputs[: panels * features * PANEL].view(1, panels, features, PANEL)
        part = Panels(
            inputs=gathered.expand(len(labels), -1, -1, -1),  # the same memory at every step
            labels=labels,
            pairs=pairs,
            batch_size=batch.size,
            first=first,
        )
        layers = space.layers
        if errors is not None:  # derivatives are scaled by 2 / B: as those of a batch of two
            part, layers = replace(part, batch_size=2), layers.leaving(errors)
        of_rows = {
            **rows,
            "factors": self.model.factors,
            "products": int(bool(self.model.multiplication)),
            "input_features": features,
        }
        dropping = backward and self.mlp.mlp.dropout > 0
        operations += [
            self.kernels.operation("gather", **of_rows, inputs_pointer=address(space.inputs)),
            *self.mlp.forward(weights, part, layers, sums, ranged=ranged, dropping=dropping),
        ]
        if backward:
            operations += [
                *self.mlp.backward(weights, part, space.layers),
                self.mlp.input_backward(weights, part, space.layers, space.deltas),
                self.kernels.operation(
                    "scatter",
                    **{**of_rows, "input_features": self.mlp.layers[0].fan_in},
                    deltas_pointer=address(space.deltas),
                    scratch_pointer=address(space.rows),
                    gradients_pointer=address(space.gradients),
                ),
            ]
        if backward and self._multiplied is not None:
            operations.append(
                self.kernels.operation(
                    "dot_gradients",
                    **rows,
                    mask_pointer=address(self._multiplied),
                    errors_pointer=address(space.layers.errors),
                    gradients_pointer=address(space.gradients),
                )
            )
        return operations

    def _rows_of(self, table: Tensor, batch: RowPairs, first: int, pairs: int) -> dict[str, int]:
        return {
            "weights_pointer": address(table),
            "columns": table.shape[1],
            "indices_pointer": address(batch.indices, first),
            "indices_step_stride": batch.indices.stride(0),
            "second": batch.indices.stride(1),
            "pairs": pairs,
        }
