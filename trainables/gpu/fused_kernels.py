"""The fused kernels of a shape, made when they are first needed."""

import linecache
from functools import cache
from typing import Any

from ..optimisers import state_names
from .fused_source import FusedShape, source


@cache
def kernels_of(shape: FusedShape) -> dict[str, Any]:
    """The functions `train_block` and `evaluate_batches` for `shape`, by their names."""
    text = source(shape, len(state_names(shape.optimizer)))
    file = f"<fused kernels of {shape}>"
    # Where Triton looks for the text of a function.
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    module: dict[str, Any] = {"__name__": "trainables.gpu.fused_kernels"}
    exec(compile(text, file, "exec"), module)
    return module
