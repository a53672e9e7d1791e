"""Adam over a flat buffer."""

from functools import partial

import torch
from torch import Tensor

from .kernels import BETA_1, BETA_2, EPSILON
from .operations import Operation


def adam_operation(
    weights: Tensor,
    gradients: Tensor,
    first_moment: Tensor,
    second_moment: Tensor,
    step: Tensor,
    learning_rate: Tensor,
) -> Operation:
    """One step, updating all four buffers in place (Kingma & Ba 2015, arXiv 1412.6980).

    `step` is a 0-dimensional tensor with the number of steps done before; it is counted up. This is
    the kernel behind `torch.optim.Adam(fused=True)`, called without the optimizer's bookkeeping,
    which costs as much as the update itself for small networks. It is private to torch; the version
    is pinned, and the tests hold it against `torch.optim.Adam`.
    """
    one = torch.ones_like(step)
    fused = partial(
        torch._fused_adam_,
        [weights],
        [gradients],
        [first_moment],
        [second_moment],
        [],
        [step],
        lr=learning_rate,
        beta1=BETA_1,
        beta2=BETA_2,
        weight_decay=0.0,
        eps=EPSILON,
        amsgrad=False,
        maximize=False,
    )

    def operation() -> None:
        step.add_(one)
        fused()

    return operation
