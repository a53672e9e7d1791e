"""A block of steps as a graph: the same numbers as without, also where it can't be captured."""

import pytest
import torch

from trainables.gpu.cuda_graph import BlockGraph

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")


def drawn(*, as_graph: bool, broken: bool = False) -> list[torch.Tensor]:
    """Sums of what four blocks drew, after each, and of a draw after them."""
    device = torch.device("cuda")
    generator = torch.Generator(device).manual_seed(5)
    numbers, total = torch.empty(1000, device=device), torch.zeros(1000, device=device)

    def block() -> None:
        numbers.normal_(generator=generator)
        total.add_(numbers)
        if broken and torch.cuda.is_current_stream_capturing():
            float(total[0])  # waits for the device, which a capture can't

    run = BlockGraph(block, [generator]) if as_graph else block
    sums = []
    for _ in range(4):
        run()
        sums.append(total.clone())
    return [*sums, torch.randn(1000, generator=generator, device=device)]


def test_a_graph_draws_what_a_block_draws() -> None:
    for one, other in zip(drawn(as_graph=True), drawn(as_graph=False), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_a_block_that_cannot_be_captured_runs_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    stream = torch.cuda.current_stream()
    expected = drawn(as_graph=False)
    for one, other in zip(drawn(as_graph=True, broken=True), expected, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)
    assert caplog.text.count("steps run without a CUDA graph") == 1
    assert torch.cuda.current_stream() == stream
