"""The dot product of two batches along an axis of each, as Keras's layer `Dot` defines it.

It is what the tasks ask of a network: of two batches of vectors (B, D), `axes=1` gives the target
`dot` and, with `normalize`, the cosine; of two pools (1, N, D) and (1, M, D), `axes=2` gives all
pairs (1, N, M).
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

Axes = int | list[int] | tuple[int, int]
"""An axis for both inputs, or one for each."""

EPSILON = 1e-7
"""The least length that `normalize` divides by: the default of `keras.config.epsilon`."""


def dot(a: Tensor, b: Tensor, axes: Axes, normalize: bool = False) -> Tensor:
    """Multiply `a` (B, ...) and `b` (B, ...), summed over an axis of each.

    `axes` is one integer for both inputs or a pair, one for each; a negative one counts from the
    end, and an integer beyond the beginning goes round again. Axis 0 is the batch.
    With `normalize`, vectors along the axes are first divided by their length, or by 1e-7 where
    they are shorter: the product is their cosine, and 0 with a zero vector. The gradient at a zero
    vector is that of the division by 1e-7, where Keras's is NaN.

    The result has the shape of `a` without its axis, then that of `b` without batch and axis; of
    two inputs of rank 2 it is (B, 1). Its dtype is the inputs' own, or what torch promotes them to;
    a Keras layer casts its inputs to the layer's dtype instead.

    Raises TypeError where `axes` is neither an integer nor a list or tuple, and ValueError where
    it is not of two integers, is the batch or lies beyond an input, and where an input has a rank
    below 2, or the inputs differ in the batch or along the axes.

    See [Keras: Dot layer](https://keras.io/api/layers/merging_layers/dot/).

    >>> dot(torch.ones(2, 3, 5), torch.ones(2, 10, 3), axes=(1, 2)).shape
    torch.Size([2, 5, 10])
    """
    _check_axes(axes)
    axis_a, axis_b = _axes_within(axes, tuple(a.shape), tuple(b.shape))
    if normalize:
        a, b = _normalized(a, axis_a), _normalized(b, axis_b)
    dtype = torch.promote_types(a.dtype, b.dtype)
    if a.ndim == b.ndim == 2:
        # Faster than einsum, which makes a product of matrices of each pair of vectors.
        return (a * b).sum(1, keepdim=True, dtype=dtype)
    dimensions_a = [*range(a.ndim)]
    dimensions_b = [*range(a.ndim, a.ndim + b.ndim)]
    dimensions_b[0], dimensions_b[axis_b] = 0, axis_a
    kept = [each for each in dimensions_a + dimensions_b[1:] if each != axis_a]
    return torch.einsum(a.to(dtype), dimensions_a, b.to(dtype), dimensions_b, kept)


class Dot(nn.Module):
    """`dot` as a module without parameters, called with a list or tuple of two tensors.

    See `dot` for shapes and errors; here those of `axes` alone are raised when it is made. Anything
    but a list or tuple of two tensors is a ValueError.

    >>> Dot(axes=1, normalize=True)
    Dot(axes=1, normalize=True)
    """

    def __init__(self, axes: Axes, normalize: bool = False) -> None:
        """Multiply along these axes."""
        super().__init__()
        _check_axes(axes)
        self.axes, self.normalize = axes, normalize

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """The product of the two inputs (B, ...), each of rank 2 or more."""
        are_listed = isinstance(inputs, list | tuple)
        if not are_listed or [isinstance(each, Tensor) for each in inputs] != [True, True]:
            names = [type(each).__name__ for each in (inputs if are_listed else [inputs])]
            raise ValueError(
                "Dot takes a list or tuple of two tensors; received "
                f"{names if are_listed else names[0]}: call it with [a, b]"
            )
        a, b = inputs
        return dot(a, b, self.axes, self.normalize)

    def extra_repr(self) -> str:
        """What stands in the parentheses of the module's repr."""
        return f"axes={self.axes}, normalize={self.normalize}"


def _check_axes(axes: Axes) -> None:
    if isinstance(axes, int):
        return
    message = (
        f"axes is an integer or a pair of integers; received {axes!r}: "
        "give one axis for both inputs, as in axes=1, or one for each, as in axes=(1, 2)"
    )
    if not isinstance(axes, list | tuple):
        raise TypeError(message)
    if [isinstance(axis, int) for axis in axes] != [True, True]:
        raise ValueError(message)


def _axes_within(axes: Axes, *shapes: tuple[int, ...]) -> list[int]:
    """The axes counted from 0, after everything that can be wrong with them and the two shapes."""
    both = " and ".join(map(str, shapes))
    if min(map(len, shapes)) < 2:
        raise ValueError(
            f"inputs have a batch axis and at least one more; received shapes {both}: "
            "give a lone vector its batch axis with unsqueeze(0)"
        )
    if not isinstance(axes, int):
        given = list(axes)
    elif axes < 0:
        given = [axes % len(shape) for shape in shapes]
    else:
        given = [axes, axes]
    for axis, shape in zip(given, shapes, strict=True):
        if not -len(shape) <= axis < len(shape):
            raise ValueError(
                f"an axis lies within its input; received axes={axes} for shapes {both}: "
                f"of {shape} it is at most {len(shape) - 1}, and at least {1 - len(shape)}"
            )
    within = [axis % len(shape) for axis, shape in zip(given, shapes, strict=True)]
    if 0 in within:
        raise ValueError(
            f"axis 0 is the batch and can't be summed over; received axes={axes} for shapes "
            f"{both}: choose another, or give the inputs a batch axis with unsqueeze(0)"
        )
    sizes = [shape[axis] for axis, shape in zip(within, shapes, strict=True)]
    if sizes[0] != sizes[1]:
        raise ValueError(
            f"the two axes have one size; received sizes {sizes[0]} and {sizes[1]} for axes={axes} "
            f"of shapes {both}: choose axes that agree"
        )
    if shapes[0][0] != shapes[1][0]:
        raise ValueError(
            f"inputs have one batch size, their axis 0; received shapes {both}: "
            "give both as many rows, with expand where one row goes with all"
        )
    return within


def _normalized(vectors: Tensor, axis: int) -> Tensor:
    if not vectors.is_floating_point():
        vectors = vectors.to(torch.get_default_dtype())
    return nn.functional.normalize(vectors, dim=axis, eps=EPSILON)
