"""The fused kernels, made when they are first needed: Triton compiles them when they first run."""

import linecache
from functools import cache
from typing import Any

from ..optimisers import state_names
from .fused_source import FusedShape, evaluation_source, training_source


@cache
def training_kernel(shape: FusedShape, optimizer: str) -> Any:
    """The kernel `train_block` for members of `shape`."""
    text = training_source(shape, optimizer, len(state_names(optimizer)))
    return _function(text, f"{optimizer}, {shape}", "train_block")


@cache
def evaluation_kernel(shape: FusedShape) -> Any:
    """The kernel `evaluate_batches` for members of `shape`."""
    return _function(evaluation_source(shape), f"{shape}", "evaluate_batches")


def _function(text: str, title: str, name: str) -> Any:
    file = f"<{name}: {title}>"
    # Where Triton looks for the text of a function.
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    module: dict[str, Any] = {"__name__": "trainables.gpu.fused_kernels"}
    exec(compile(text, file, "exec"), module)
    return module[name]
