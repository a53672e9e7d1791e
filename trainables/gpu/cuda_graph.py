"""A block of training steps as one CUDA graph: one launch instead of hundreds."""

import logging
from collections.abc import Callable, Sequence

import torch

logger = logging.getLogger(__name__)


class BlockGraph:
    """The same kernels on the same memory again and again, batch generation included.

    The block runs as usual the first time, which also lets the libraries allocate what they need,
    and is captured before the second, on the same stream; capturing runs nothing. Where it can't be
    captured, for want of memory for example, it goes on as usual.
    """

    def __init__(self, block: Callable[[], None], generators: Sequence[torch.Generator]) -> None:
        """`block` takes no argument that changes; it draws from `generators` on the device."""
        self._block, self._generators = block, generators
        self._stream: torch.cuda.Stream | None = None
        self._run: Callable[[], None] | None = None

    def __call__(self) -> None:
        """Run the block."""
        if self._stream is None:
            self._stream = torch.cuda.Stream()
            self._warm_up(self._stream)
            return
        if self._run is None:
            self._run = self._captured(self._stream) or self._block
        self._run()

    def _warm_up(self, stream: torch.cuda.Stream) -> None:
        current = torch.cuda.current_stream()
        stream.wait_stream(current)
        with torch.cuda.stream(stream):
            self._block()
        current.wait_stream(stream)

    def _captured(self, stream: torch.cuda.Stream) -> Callable[[], None] | None:
        """The graph's replay; None where there is no graph."""
        current = torch.cuda.current_stream()
        states = [generator.get_state() for generator in self._generators]
        graph = torch.cuda.CUDAGraph()
        for generator in self._generators:
            graph.register_generator_state(generator)
        try:
            # It waits for the whole device before and leaves nothing running.
            with torch.cuda.graph(graph, stream=stream):
                self._block()
        except RuntimeError as error:
            # A capture that broke off leaves its stream the current one, and the generators marked.
            torch.cuda.set_stream(current)
            for generator, state in zip(self._generators, states, strict=True):
                fresh = torch.Generator(generator.device)
                fresh.set_state(state)
                generator.graphsafe_set_state(fresh)
            logger.warning("steps run without a CUDA graph, more slowly: %s", error)
            return None
        return graph.replay
