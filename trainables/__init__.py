"""What a worker does: sources, families, optimisers, engines, training, and one Ray adapter."""

from .pack import Halving, Member, Pack, Task
from .training import Evaluation, Report, train

__all__ = ["Evaluation", "Halving", "Member", "Pack", "Report", "Task", "train"]
