"""A stack for GPUs: members of a pack trained as one batched computation of tensor operations.

Narrower members are padded with zero weights. Since every activation maps 0 to 0, the gradients
there are zero and every optimiser leaves the zeros alone, so no mask is needed.
"""

from collections.abc import Sequence
from functools import lru_cache, partial

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
        trainees = sorted(trainees, key=lambda trainee: -Mlp.of(trainee.member).depth)
        self.members = [trainee.member for trainee in trainees]
        self.device, self.dtype = device, dtype
        self._batch_size = batch_size
        models = [Mlp.of(member) for member in self.members]
        self._shape = StackShape(models, dimension)
        self._activation = ACTIVATION_OPERATIONS[models[0].activation]
        self._optimiser = OPTIMISER_OPERATIONS[self.members[0].optimizer]
        states = len(state_names(self.members[0].optimizer))
        numbers = self._on_the_host(trainees).to(device, dtype)
        # Row by row; the first axis is that of Trainee.pieces.
        self._states, learning_rates = numbers[:states], numbers[states]
        self._buffers = FlatBuffers(
            scaled=self._states[0] / learning_rates,
            gradients=torch.zeros_like(learning_rates),
            states=list(self._states[1:-1]),
            learning_rates=learning_rates,
            settings=list(numbers[states + 1 :]),
            spare=torch.zeros_like(learning_rates) if self._optimiser.needs_spare else None,
            step=torch.tensor(float(steps_done), device=device, dtype=dtype),
        )
        self._layers = [self._shape.layers(state) for state in self._states]
        self._space = self._workspace(batch_size, backward=True)
        self._squared_error = torch.zeros_like(self._space.predictions)
        self._scale = torch.tensor(2.0 / batch_size, device=device, dtype=dtype)
        # Of a block of steps: the factors on the learning rates, the weights of the averages.
        self._rates = torch.zeros(2, BLOCK_STEPS, device=device, dtype=dtype)
        self._course: Tensor | None = None
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

    def _on_the_host(self, trainees: Sequence[Trainee]) -> Tensor:
        """The flat buffers of `trainees` as rows: their states, learning rates and settings.

        Small copies cost several microseconds each on a GPU, so all are made here, for one large
        one. Padding and gaps are zero, their learning rate is one.
        """
        optimizer = trainees[0].member.optimizer
        states = len(state_names(optimizer))
        rows = states + 1 + len(OPTIMISERS[optimizer].settings)
        numbers = torch.zeros(rows, self._shape.size, dtype=self.dtype)
        numbers[states] = 1.0
        state_layers = self._shape.layers(numbers[:states])
        setting_layers = self._shape.layers(numbers[states:])
        for index, trainee in enumerate(trainees):
            member = trainee.member
            blocks = self._shape.pieces(state_layers, index)
            for block, piece in zip(blocks, trainee.pieces, strict=True):
                block.copy_(piece)
            values = (member.learning_rate, *optimiser_settings(member).values())
            settings = torch.tensor(values, dtype=self.dtype)[:, None, None]
            for block in self._shape.pieces(setting_layers, index):
                block.copy_(settings)
        return numbers

    def numbers(self) -> list[Tensor]:
        """See `Stack`."""
        return [self._states, self._buffers.scaled, self._buffers.step, self._squared_error]

    def unload(self) -> list[Trainee]:
        """See `Stack`."""
        # Cloned where there is no other device: what is unloaded stays as it is.
        states = self._states.clone() if self.device.type == "cpu" else self._states.cpu()
        layers = self._shape.layers(states)
        return [
            Trainee(member, tuple(self._shape.pieces(layers, index)))
            for index, member in enumerate(self.members)
        ]

    def bind(self, block: Batches, *, averaging: bool) -> None:
        """See `Stack`."""
        self._programs = [
            self._step_operations(Batch(inputs, labels), index, averaging)
            for index, (inputs, labels) in enumerate(zip(block.inputs, block.labels, strict=True))
        ]

    def _step_operations(self, batch: Batch, index: int, averaging: bool) -> list[Operation]:
        space, weights = self._space, self._states[0]
        layers, gradients = self._layers[0], self._shape.layers(self._buffers.gradients)
        factor, average_weight = self._rates[:, index]
        operations: list[Operation] = [
            *forward(self._shape, self._activation, layers, space, batch),
            partial(torch.sub, space.predictions, batch.labels, out=space.error),
            partial(self._squared_error.addcmul_, space.error, space.error),
            partial(space.error.mul_, self._scale),
            *backward(self._shape, self._activation, layers, gradients, space, batch),
            *self._optimiser.step(self._buffers, factor),
            partial(torch.mul, self._buffers.scaled, self._buffers.learning_rates, out=weights),
        ]
        if averaging:
            operations.append(partial(self._states[-1].lerp_, weights, average_weight))
        return operations

    def schedule(self, first_step: int, steps: int) -> None:
        """See `Stack`."""
        if self._course is None or self._course.shape[1] != steps:
            # All of it at once: what comes from the host makes the device wait.
            course = course_of(self.members[0].schedule, steps)
            self._course = course.to(self.device, self.dtype)
        block = self._course[:, first_step : first_step + BLOCK_STEPS]
        self._rates[:, : block.shape[1]].copy_(block)

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


@lru_cache(maxsize=8)
def course_of(schedule: str, steps: int) -> Tensor:
    """What changes from step to step (2, steps), float64, on the host.

    The first row are the factors on the learning rate, the second the weights of the averages.
    """
    factor_at = SCHEDULES[schedule]
    factors = [factor_at(step, steps) for step in range(steps)]
    weights = [average_weight(step) for step in range(steps)]
    return torch.tensor([factors, weights], dtype=torch.float64)


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
