"""The operations of one MLP: its forward and backward pass and its optimiser's step, as kernels.

The first layer's bias is the weight of the row of ones among the inputs; a further layer's bias
stands behind its weights. That is the order of the family's pieces, one after the other.
"""

import struct
from collections.abc import Mapping
from copy import copy
from dataclasses import asdict, dataclass, field
from itertools import pairwise

import torch
from torch import Tensor

from ..families.dropout import dropout_threshold
from ..families.mlp import Mlp
from ..optimisers import Moments, optimiser_settings
from ..pack import Member
from ..sources.batches import input_rows
from .kernels import (
    ACTIVATIONS_WITH_DERIVATIVE,
    LANES,
    OPTIMISER_CODE,
    PANEL,
    Kernels,
    first_share,
    optimiser_kernel,
)
from .panels import SLICE_PANELS, Panels

Operation = list[int]


class Workspace:
    """What a thread computes in: one member's activations of a slice at a time, and its gradients.

    The gradients are zero between steps.
    """

    def __init__(
        self,
        *,
        width: int,
        depth: int,
        size: int,
        derivatives: bool,
        dtype: torch.dtype,
    ) -> None:
        """For members of at most `depth`, `width` and `size`, the numbers of a flat member.

        `derivatives`: whether one is among them that keeps derivatives, or drops units and keeps
        what was before.
        """

        def zeros(*sizes: int) -> Tensor:
            return torch.zeros(*sizes, dtype=dtype)

        features = SLICE_PANELS * width * PANEL
        self.outputs = zeros(depth, features)
        self.derivatives = zeros(depth, features) if derivatives else self.outputs
        self.deltas = zeros(2, features)
        self.errors = zeros(SLICE_PANELS * PANEL)
        self.gradients = zeros(size)
        self.no_bias = zeros(max(width, 1))

    def leaving(self, errors: Tensor) -> "Workspace":
        """The same memory, but for where a slice's errors are left."""
        other = copy(self)
        other.errors = errors
        return other


@dataclass(frozen=True)
class _Layer:
    fan_in: int
    fan_out: int
    weights: int
    """Where the weights (O, I) begin, counted in numbers; the bias (O,) follows them."""

    @property
    def bias(self) -> int:
        return self.weights + self.fan_out * self.fan_in


@dataclass(kw_only=True)
class CompiledMember:
    """A member's layers, and the operations on them."""

    member: Member
    dimension: int
    kernels: Kernels
    done: Tensor | None = None
    """(1,), the steps before the first of a call of `run`, by which units are dropped."""
    moments: Moments = field(default_factory=Moments)
    mlp: Mlp = field(init=False)
    layers: list[_Layer] = field(init=False)
    _settings: Tensor = field(init=False)
    size: int = field(init=False)
    """The numbers of all weights and biases."""

    def __post_init__(self) -> None:
        self.mlp = Mlp.of(self.member)
        self._settings = kernel_settings(self.member, self.moments)
        self.layers, start = [], 0
        for index, (fan_in, fan_out) in enumerate(pairwise(self.mlp.sizes(self.dimension))):
            ones = 1 if index == 0 else 0
            self.layers.append(_Layer(fan_in + ones, fan_out, start))
            start += (fan_in + 1) * fan_out
        self.size = start

    def of_weights(self) -> Tensor:
        """1 for each weight, and 0 for each bias and in the padding (size and padding,)."""
        of_weights = torch.zeros(-(-self.size // LANES) * LANES)
        for index, layer in enumerate(self.layers):
            weights = of_weights[layer.weights : layer.bias].view(layer.fan_out, layer.fan_in)
            weights.fill_(1)
            if index == 0:
                weights[:, 2 * self.dimension] = 0
        return of_weights

    def forward(
        self,
        weights: Tensor,
        panels: Panels,
        space: Workspace,
        sums: Tensor,
        *,
        ranged: Mapping[str, int] | None = None,
        dropping: bool = False,
    ) -> list[Operation]:
        """Predict a slice, and add the squared errors and their squares to `sums` (2,), float64.

        The errors that are left in `space` are the derivatives of the batch's mean squared error.
        `ranged` are the slots that `output_ranged` has beside those of `output`, where predictions
        are kept in a range. `dropping`: in training, where a member with dropout drops units.
        """
        operations = []
        for index, layer in enumerate(self.layers[:-1]):
            activated = outputs = space.outputs[index]
            if dropping and not self._keeps_derivative:
                # The derivative follows from what they were before units were dropped.
                activated = space.derivatives[index]
            operations.append(
                self.kernels.operation(
                    "forward",
                    **self._layer(index, weights, panels, space),
                    fan_out=layer.fan_out,
                    panels=panels.number,
                    outputs_pointer=address(activated),
                    derivatives_pointer=address(space.derivatives[index]),
                )
            )
            if dropping:
                operations.append(self._drop(index, panels, activated, outputs))
        output = self.kernels.operation(
            "output" if ranged is None else "output_ranged",
            **self._layer(len(self.layers) - 1, weights, panels, space),
            pairs=panels.pairs,
            labels_pointer=address(panels.labels),
            labels_step_stride=panels.labels_step_stride,
            scale=bits(2.0 / panels.batch_size),
            errors_pointer=address(space.errors),
            sums_pointer=address(sums),
            **(ranged or {}),
        )
        return [*operations, output]

    def backward(self, weights: Tensor, panels: Panels, space: Workspace) -> list[Operation]:
        """Add what the errors of the slice in `space` make to its gradients."""
        operations = []
        deltas = space.errors
        for index, layer in reversed(list(enumerate(self.layers))):
            operations.append(
                self.kernels.operation(
                    "weight_gradient",
                    deltas_pointer=address(deltas),
                    **self._inputs(index, panels, space),
                    fan_in=layer.fan_in,
                    fan_out=layer.fan_out,
                    panels=panels.number,
                    gradients_pointer=address(space.gradients, layer.weights),
                )
            )
            if index == 0:
                break
            # Two take turns: a layer's deltas are needed until those of the one below are there.
            above, deltas = deltas, space.deltas[index % 2]
            kept = self._keeps_derivative or self.mlp.dropout > 0
            below = space.derivatives if kept else space.outputs
            operations += [
                self.kernels.operation(
                    "bias_gradient",
                    deltas_pointer=address(above),
                    fan_out=layer.fan_out,
                    panels=panels.number,
                    gradients_pointer=address(space.gradients, layer.bias),
                ),
                self.kernels.operation(
                    "backward",
                    weights_pointer=address(weights, layer.weights),
                    deltas_above_pointer=address(above),
                    fan_in=layer.fan_in,
                    fan_out=layer.fan_out,
                    panels=panels.number,
                    outputs_pointer=address(below[index - 1]),
                    deltas_pointer=address(deltas),
                ),
            ]
            if self.mlp.dropout > 0:
                operations.append(self._drop(index - 1, panels, deltas, deltas))
        return operations

    @property
    def _keeps_derivative(self) -> bool:
        return self.mlp.activation in ACTIVATIONS_WITH_DERIVATIVE

    def _drop(self, index: int, panels: Panels, inputs: Tensor, outputs: Tensor) -> Operation:
        """Drop units of a hidden layer, in what it puts out or in the derivatives by it."""
        assert self.done is not None
        return self.kernels.operation(
            "dropout",
            inputs_pointer=address(inputs),
            outputs_pointer=address(outputs),
            units=self.layers[index].fan_out,
            panels=panels.number,
            first=panels.first,
            layer=index,
            seed=self.member.initialisation_seed,
            done_pointer=address(self.done),
            threshold=dropout_threshold(self.mlp.dropout),
            scale=bits(1 / (1 - self.mlp.dropout)),
        )

    def input_backward(
        self, weights: Tensor, panels: Panels, space: Workspace, deltas: Tensor
    ) -> Operation:
        """Write the derivatives by the first layer's inputs (panels, I + 1, PANEL) to `deltas`.

        After `backward`, which leaves those of the first layer's outputs.
        """
        layer, last = self.layers[0], len(self.layers) - 1
        above = space.errors if last == 0 else space.deltas[1 % 2]
        return self.kernels.operation(
            "input_backward",
            weights_pointer=address(weights, layer.weights),
            deltas_above_pointer=address(above),
            fan_in=layer.fan_in,
            fan_out=layer.fan_out,
            panels=panels.number,
            outputs_pointer=address(deltas),
            deltas_pointer=address(deltas),
        )

    def optimise(
        self,
        states: Tensor,
        space: Workspace,
        schedule: Tensor,
        *,
        averaging: bool,
        decays: Tensor | None = None,
    ) -> Operation:
        """The optimiser's step on `states` (S, size and padding), the `state_names` in their order.

        `schedule` holds a row of its optimiser's numbers for each step; `decays` the weight decay
        of each number, where they differ.
        """
        name = self.member.optimizer
        own = {} if decays is None else {"decays_pointer": address(decays)}
        return self.kernels.operation(
            optimiser_kernel(name, of_weights=decays is not None, averaging=averaging),
            **own,
            states_pointer=address(states),
            gradients_pointer=address(space.gradients),
            size=states.shape[1],
            settings_pointer=address(self._settings),
            schedule_pointer=address(schedule),
        )

    def _layer(
        self, index: int, weights: Tensor, panels: Panels, space: Workspace
    ) -> dict[str, int]:
        """What a layer reads."""
        layer = self.layers[index]
        return {
            "weights_pointer": address(weights, layer.weights),
            "bias_pointer": address(weights, layer.bias) if index else address(space.no_bias),
            **self._inputs(index, panels, space),
            "fan_in": layer.fan_in,
        }

    def _inputs(self, index: int, panels: Panels, space: Workspace) -> dict[str, int]:
        if index == 0:
            return {
                "inputs_pointer": address(panels.inputs),
                "input_features": input_rows(self.dimension),
                "inputs_step_stride": panels.inputs_step_stride,
            }
        return {
            "inputs_pointer": address(space.outputs[index - 1]),
            "input_features": self.layers[index].fan_in,
            "inputs_step_stride": 0,
        }


def kernel_settings(member: Member, moments: Moments) -> Tensor:
    """The learning rate and the settings of a member's optimiser, as its kernel reads them."""
    given = {
        **asdict(moments),
        "share_1": first_share(moments.beta_1, 1.0 - moments.beta_1),
        "rest_2": 1.0 - moments.beta_2,
        **optimiser_settings(member),
    }
    own = [given[name] for name in OPTIMISER_CODE[member.optimizer].settings]
    return torch.tensor([member.learning_rate, *own], dtype=torch.float64)


def address(tensor: Tensor, offset: int = 0) -> int:
    """Where a tensor's numbers lie, from one of them on."""
    return tensor.data_ptr() + offset * tensor.element_size()


def bits(value: float) -> int:
    """The bits of a double as an integer."""
    (bits,) = struct.unpack("q", struct.pack("d", value))
    return int(bits)
