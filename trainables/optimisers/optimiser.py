"""What the rest of the project asks of an optimiser."""

from collections.abc import Callable
from dataclasses import dataclass

import torch


@dataclass(frozen=True, kw_only=True)
class Optimiser:
    """An optimiser as torch has it, and what its state consists of.

    Every engine has its own way to compute its step, which a test holds against `reference`.
    """

    reference: Callable[..., torch.optim.Optimizer]
    """The class in `torch.optim`. It takes the parameters, `lr`, and the `settings` by name."""
    states: tuple[str, ...] = ()
    """Its own numbers for every weight, all zero before the first step."""
    settings: tuple[str, ...] = ()
    """The hyperparameters that it reads beside the learning rate, each by the name that torch gives
    it too."""
    of_embeddings: tuple[str, ...] = ()
    """Those that it reads in models on learned embeddings alone, and has torch's defaults of
    elsewhere."""
