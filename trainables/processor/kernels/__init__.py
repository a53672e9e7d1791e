"""The training step as machine code for this processor, made by LLVM when it is first needed.

A pack's networks are small: what they cost in tensor operations is the start of each operation and
its passes over memory. These kernels do a layer at a time, bias and activation included, for one
member after the other, whose numbers then stay in the cache.

The same numbers come out on every processor. A sum is taken in an order that is written here, never
one that depends on how many lanes a register has, and no instruction is used that may round
differently elsewhere.

Legend: B pairs in a batch, I inputs and O outputs of a layer; a panel is PANEL pairs, and what is
known of a batch lies panel by panel: (panels, features, PANEL). B is padded to whole panels.
"""

from .code import PANEL
from .compiler import (
    ACTIVATIONS_WITH_DERIVATIVE,
    Kernels,
    Processor,
    embedding_kernels,
    kernels_for,
    row_kernels,
)
from .lazy_rows import LAZY_NUMBERS, LAZY_SETTINGS, lazy_schedule_row
from .missed_steps import spread
from .optimiser_code import (
    OPTIMISER_CODE,
    SCHEDULE_NUMBERS,
    first_share,
    optimiser_kernel,
    schedule_row,
)
from .program import Program
from .registers import LANES

__all__ = [
    "ACTIVATIONS_WITH_DERIVATIVE",
    "LANES",
    "LAZY_NUMBERS",
    "LAZY_SETTINGS",
    "OPTIMISER_CODE",
    "PANEL",
    "SCHEDULE_NUMBERS",
    "Kernels",
    "Processor",
    "Program",
    "embedding_kernels",
    "first_share",
    "kernels_for",
    "lazy_schedule_row",
    "optimiser_kernel",
    "row_kernels",
    "schedule_row",
    "spread",
]
