"""What a worker does: data, networks, stacks, optimiser, training, and one thin Ray adapter."""

from .pack import Halving, Member, Pack, Task
from .training import Evaluation, Report, train

__all__ = ["Evaluation", "Halving", "Member", "Pack", "Report", "Task", "train"]
