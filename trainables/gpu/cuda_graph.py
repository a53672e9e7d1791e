"""A block of training steps as one CUDA graph: one launch instead of hundreds."""

from collections.abc import Callable, Sequence

import torch


class BlockGraph:
    """The same kernels on the same memory again and again, batch generation included.

    The block runs as usual the first time, which also lets the libraries allocate what they need,
    and is captured before the second; capturing runs nothing.
    """

    def __init__(self, block: Callable[[], None], generators: Sequence[torch.Generator]) -> None:
        """`block` takes no argument that changes; it draws from `generators` on the device."""
        self._block, self._generators = block, generators
        self._warm = False
        self._graph: torch.cuda.CUDAGraph | None = None

    def __call__(self) -> None:
        """Run the block."""
        if self._graph is None and self._warm:
            self._graph = self._capture()
        if self._graph is not None:
            self._graph.replay()
            return
        self._block()
        self._warm = True

    def _capture(self) -> torch.cuda.CUDAGraph:
        graph = torch.cuda.CUDAGraph()
        for generator in self._generators:
            graph.register_generator_state(generator)
        torch.cuda.synchronize()
        with torch.cuda.graph(graph):
            self._block()
        return graph
