"""The optimisers' steps over flat buffers of many members, as operations on tensors.

The weights are moved divided by the members' learning rates, so that the schedule's factor alone
serves members of any learning rate.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from ..optimisers import OPTIMISERS
from ..optimisers.adagrad import ADAGRAD_EPSILON
from ..optimisers.adam import BETA_1, BETA_2, EPSILON
from .layer_operations import Operation


@dataclass(frozen=True, kw_only=True)
class FlatBuffers:
    """What an optimiser of a stack works on: flat tensors of one size, updated in place.

    `scaled` are the weights divided by their members' `learning_rates`; `states` the optimiser's
    own, `settings` its settings, each member's at all of its weights; `spare` is free for use, and
    None where the optimiser needs none.
    `step` (0-dimensional, of the same dtype) is the number of steps done before; the optimiser
    counts it up.
    """

    scaled: Tensor
    gradients: Tensor
    states: Sequence[Tensor]
    learning_rates: Tensor
    settings: Sequence[Tensor]
    spare: Tensor | None
    step: Tensor


def _adam(buffers: FlatBuffers, factor: Tensor) -> list[Operation]:
    """The kernel behind `torch.optim.Adam(fused=True)`, without the optimizer's bookkeeping.

    That costs as much as the update itself for small networks. It is private to torch; a test holds
    it against `torch.optim.Adam`.
    """
    if buffers.scaled.dtype != torch.float32:
        # On a GPU the kernel reads a tensor's learning rate as float32, whatever the weights are.
        return [partial(_adam_update, buffers, factor)]
    one = torch.ones_like(buffers.step)
    first_moment, second_moment = buffers.states
    fused = partial(
        torch._fused_adam_,
        [buffers.scaled],
        [buffers.gradients],
        [first_moment],
        [second_moment],
        [],
        [buffers.step],
        lr=factor,
        beta1=BETA_1,
        beta2=BETA_2,
        weight_decay=0.0,
        eps=EPSILON,
        amsgrad=False,
        maximize=False,
    )
    return [partial(buffers.step.add_, one), fused]


def _adam_update(buffers: FlatBuffers, factor: Tensor) -> None:
    """Adam's step as tensor operations with temporaries: for float64, where speed hardly counts."""
    gradients, (first_moment, second_moment) = buffers.gradients, buffers.states
    buffers.step.add_(1)
    first_moment.lerp_(gradients, 1 - BETA_1)
    second_moment.mul_(BETA_2).addcmul_(gradients, gradients, value=1 - BETA_2)
    lengths = (second_moment / (1 - BETA_2**buffers.step)).sqrt_().add_(EPSILON)
    rate = factor / (1 - BETA_1**buffers.step)
    buffers.scaled.sub_((first_moment / lengths).mul_(rate))


def _adamw(buffers: FlatBuffers, factor: Tensor) -> list[Operation]:
    (weight_decay,) = buffers.settings
    scaled, decay = buffers.scaled, buffers.spare
    assert decay is not None
    return [
        partial(torch.mul, scaled, weight_decay, out=decay),
        partial(decay.mul_, buffers.learning_rates),
        partial(scaled.addcmul_, decay, factor, value=-1),
        *_adam(buffers, factor),
    ]


def _sgd(buffers: FlatBuffers, factor: Tensor) -> list[Operation]:
    (velocity,), (momentum,) = buffers.states, buffers.settings
    return [
        partial(torch.addcmul, buffers.gradients, velocity, momentum, out=velocity),
        partial(buffers.scaled.addcmul_, velocity, factor, value=-1),
    ]


def _adagrad(buffers: FlatBuffers, factor: Tensor) -> list[Operation]:
    (squares,) = buffers.states
    gradients, share = buffers.gradients, buffers.spare
    assert share is not None
    return [
        partial(squares.addcmul_, gradients, gradients),
        partial(torch.sqrt, squares, out=share),
        partial(share.add_, ADAGRAD_EPSILON),
        partial(torch.div, gradients, share, out=share),
        partial(buffers.scaled.addcmul_, share, factor, value=-1),
    ]


@dataclass(frozen=True, kw_only=True)
class OptimiserOperations:
    """How an optimiser's step is computed.

    `step(buffers, factor)` gives the operations of one step, `factor` being the 0-dimensional
    tensor that will hold the schedule's factor at it; `needs_spare` says whether they use a spare
    buffer.
    """

    step: Callable[[FlatBuffers, Tensor], list[Operation]]
    needs_spare: bool = False


OPTIMISER_OPERATIONS: Mapping[str, OptimiserOperations] = {
    "adam": OptimiserOperations(step=_adam),
    "adamw": OptimiserOperations(step=_adamw, needs_spare=True),
    "sgd": OptimiserOperations(step=_sgd),
    "adagrad": OptimiserOperations(step=_adagrad, needs_spare=True),
}
"""The names are those of `trainables.optimisers`."""


def flat_buffers(optimizer: str) -> int:
    """How many buffers of all weights a stack holds: `FlatBuffers`, the weights, their average."""
    optimiser = OPTIMISERS[optimizer]
    spare = OPTIMISER_OPERATIONS[optimizer].needs_spare
    return 5 + len(optimiser.states) + len(optimiser.settings) + spare
