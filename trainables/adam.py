"""One step of Adam over a flat buffer."""

import torch
from torch import Tensor

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8


def adam_step(
    weights: Tensor,
    gradients: Tensor,
    first_moment: Tensor,
    second_moment: Tensor,
    step: Tensor,
    learning_rate: float,
) -> None:
    """Update all four buffers in place (Kingma & Ba 2015, arXiv 1412.6980, algorithm 1).

    `step` is a 0-dimensional tensor with the number of steps done before; it is counted up. This is
    the kernel behind `torch.optim.Adam(fused=True)`, called without the optimizer's bookkeeping,
    which costs as much as the update itself for small networks.
    """
    step.add_(1)
    torch._fused_adam_(
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
