"""Adagrad (Duchi, Hazan & Singer 2011, JMLR 12): each weight's rate shrinks with its gradients."""

import torch

from .optimiser import Optimiser

ADAGRAD_EPSILON = 1e-10
"""Torch's default."""

ADAGRAD = Optimiser(reference=torch.optim.Adagrad, states=("squared_gradients",))
