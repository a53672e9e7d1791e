"""Operations in their order: kernels with their arguments bound."""

from collections.abc import Sequence

import numpy

from .compiler import Kernels


class Program:
    """A list of operations that is run for one step after another."""

    def __init__(self, kernels: Kernels, operations: Sequence[Sequence[int]]) -> None:
        """`operations` as `Kernels.operation` makes them; what they point to must stay alive."""
        self._kernels = kernels
        self._rows = numpy.array(operations, dtype=numpy.int64)
        self._arguments = (self._rows.ctypes.data, len(self._rows))

    def run(self, steps: int) -> None:
        """Run all operations for step 0, then for step 1, and so on; other threads go on."""
        self._kernels.run(*self._arguments, steps)
