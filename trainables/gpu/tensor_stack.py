"""A stack for GPUs: members of a pack trained as one batched computation of tensor operations.

Narrower members are padded with zero weights. Since every activation maps 0 to 0, the gradients
there are zero and every optimiser leaves the zeros alone, so no mask is needed.
"""

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from ..families.mlp import Mlp
from ..optimisers import OPTIMISERS, optimiser_settings, state_names
from ..schedules import SCHEDULES, average_weight
from ..sources.batches import BLOCK_STEPS, Batches
from ..stack import Evaluator
from ..trainee import Trainee
from .activation_operations import ACTIVATION_OPERATIONS
from .layer_operations import Batch, Operation, Workspace, backward, forward, run
from .optimiser_operations import OPTIMISER_OPERATIONS, FlatBuffers
from .stack_shape import StackShape


class TensorStack:
    """K members, their weights and their optimiser's state in flat buffers."""

    def __init__(
        self,
        trainees: Sequence[Trainee],
        *,
        dimension: int,
        batch_size: int,
        steps_done: int,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        """Load `trainees`, all of one multiplication, activation, schedule and optimiser.

        `steps_done` is the number of steps behind them.
        """
        self._trainees = sorted(trainees, key=lambda trainee: -Mlp.of(trainee.member).depth)
        self.members = [trainee.member for trainee in self._trainees]
        self.device, self.dtype = device, dtype
        self._batch_size = batch_size
        models = [Mlp.of(member) for member in self.members]
        self._shape = StackShape(models, dimension)
        self._activation = ACTIVATION_OPERATIONS[models[0].activation]
        self._optimiser = OPTIMISER_OPERATIONS[self.members[0].optimizer]
        self._factor_at = SCHEDULES[self.members[0].schedule]

        def flat(value: float) -> Tensor:
            return torch.full((self._shape.size,), value, device=device, dtype=dtype)

        optimizer = self.members[0].optimizer
        # The axis of Trainee.pieces.
        self._states = [flat(0.0) for _ in state_names(optimizer)]
        self._buffers = FlatBuffers(
            scaled=flat(0.0),
            gradients=flat(0.0),
            states=self._states[1:-1],
            learning_rates=flat(1.0),
            settings=[flat(0.0) for _ in OPTIMISERS[optimizer].settings],
            spare=flat(0.0) if self._optimiser.needs_spare else None,
            step=torch.tensor(float(steps_done), device=device),
        )
        self._layers = [self._shape.layers(state) for state in self._states]
        self._space = self._workspace(batch_size, backward=True)
        self._squared_error = torch.zeros_like(self._space.predictions)
        self._load()

        def zeros(*sizes: int) -> Tensor:
            return torch.zeros(*sizes, device=device, dtype=dtype)

        self._factors, self._average_weights = zeros(BLOCK_STEPS), zeros(BLOCK_STEPS)
        self._programs: list[list[Operation]] = []

    def _workspace(self, pairs: int, *, backward: bool) -> Workspace:
        return Workspace(
            self._shape,
            self._activation,
            pairs,
            backward=backward,
            device=self.device,
            dtype=self.dtype,
        )

    def _load(self) -> None:
        for row, layers in enumerate(self._layers):
            for index, trainee in enumerate(self._trainees):
                blocks = self._shape.pieces(layers, index)
                for block, piece in zip(blocks, trainee.pieces, strict=True):
                    block.copy_(piece[row])
        for index, member in enumerate(self.members):
            settings = (member.learning_rate, *optimiser_settings(member).values())
            flats = (self._buffers.learning_rates, *self._buffers.settings)
            for flat, value in zip(flats, settings, strict=True):
                for block in self._shape.pieces(self._shape.layers(flat), index):
                    block.fill_(value)
        torch.div(self._states[0], self._buffers.learning_rates, out=self._buffers.scaled)

    def unload(self) -> list[Trainee]:
        """See `Stack`."""
        trainees = []
        for index, member in enumerate(self.members):
            blocks = [self._shape.pieces(layers, index) for layers in self._layers]
            pieces = tuple(torch.stack(states) for states in zip(*blocks, strict=True))
            trainees.append(Trainee(member, pieces))
        return trainees

    def bind(self, block: Batches, *, averaging: bool) -> None:
        """See `Stack`."""
        self._programs = [
            self._step_operations(Batch(inputs, labels), index, averaging)
            for index, (inputs, labels) in enumerate(zip(block.inputs, block.labels, strict=True))
        ]

    def _step_operations(self, batch: Batch, index: int, averaging: bool) -> list[Operation]:
        space, weights = self._space, self._states[0]
        layers, gradients = self._layers[0], self._shape.layers(self._buffers.gradients)
        scale = torch.tensor(2.0 / self._batch_size, device=self.device, dtype=self.dtype)
        operations: list[Operation] = [
            *forward(self._shape, self._activation, layers, space, batch),
            partial(torch.sub, space.predictions, batch.labels, out=space.error),
            partial(self._squared_error.addcmul_, space.error, space.error),
            partial(space.error.mul_, scale),
            *backward(self._shape, self._activation, layers, gradients, space, batch),
            *self._optimiser.step(self._buffers, self._factors[index]),
            partial(torch.mul, self._buffers.scaled, self._buffers.learning_rates, out=weights),
        ]
        if averaging:
            average_weight = self._average_weights[index]
            operations.append(partial(self._states[-1].lerp_, weights, average_weight))
        return operations

    def schedule(self, first_step: int, steps: int) -> None:
        """See `Stack`."""
        block = range(first_step, min(first_step + BLOCK_STEPS, steps))
        factors = [self._factor_at(step, steps) for step in block]
        weights = [average_weight(step) for step in block]
        self._factors[: len(block)] = torch.tensor(factors, dtype=self.dtype)
        self._average_weights[: len(block)] = torch.tensor(weights, dtype=self.dtype)

    def train(self, steps: int) -> None:
        """See `Stack`."""
        for program in self._programs[:steps]:
            run(program)

    def take_squared_error(self) -> Tensor:
        """See `Stack`."""
        total = self._squared_error.sum(1, dtype=torch.float64)
        self._squared_error.zero_()
        return total

    def evaluator(self, batches: Batches, *, averaged: bool) -> Evaluator:
        """See `Stack`."""
        space = self._workspace(batches.labels.shape[-1], backward=False)
        layers = self._layers[-1 if averaged else 0]
        programs = []
        for inputs, labels in zip(batches.inputs, batches.labels, strict=True):
            batch = Batch(inputs, labels)
            programs.append((forward(self._shape, self._activation, layers, space, batch), labels))
        return _TensorEvaluator(programs, space.predictions)


class _TensorEvaluator:
    def __init__(
        self, programs: Sequence[tuple[list[Operation], Tensor]], predictions: Tensor
    ) -> None:
        self._programs, self._predictions = programs, predictions
        device = predictions.device
        self.sums = torch.zeros(2, len(predictions), device=device, dtype=torch.float64)

    def add(self) -> None:
        for operations, labels in self._programs:
            run(operations)
            squared = self._predictions.double().sub_(labels).square_()
            self.sums[0] += squared.sum(1)
            self.sums[1] += squared.square_().sum(1)
