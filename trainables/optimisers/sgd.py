"""Stochastic gradient descent with momentum, as torch has it.

velocity <- momentum * velocity + gradient; weights <- weights - learning rate * velocity
(Sutskever et al. 2013, "On the importance of initialization and momentum in deep learning", but
with the learning rate outside of the velocity). Without momentum it is plain gradient descent.
"""

import torch

from .optimiser import Optimiser

SGD = Optimiser(reference=torch.optim.SGD, states=("velocity",), settings=("momentum",))
