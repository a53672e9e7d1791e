"""The operations that fused kernels are put together from, as functions of Triton.

An optimiser's step takes a tile of weights, its gradient and the place of the weights in memory:
the optimiser's own numbers of the same weights lie SIZE, 2 SIZE, ... further on. It stores those
and returns the new weights.
"""

# mypy: ignore-errors

import triton
import triton.language as tl

from ..optimisers.adagrad import ADAGRAD_EPSILON as _ADAGRAD_EPSILON
from ..optimisers.adam import BETA_1, BETA_2, EPSILON

KEPT_1, NEW_1 = tl.constexpr(BETA_1), tl.constexpr(1 - BETA_1)
KEPT_2, NEW_2 = tl.constexpr(BETA_2), tl.constexpr(1 - BETA_2)
ADAM_EPSILON = tl.constexpr(EPSILON)
ADAGRAD_EPSILON = tl.constexpr(_ADAGRAD_EPSILON)


@triton.jit
def relu(before):
    """The activation."""
    return tl.maximum(before, 0.0, propagate_nan=tl.PropagateNan.ALL)


@triton.jit
def relu_slope(before, after):
    """Its derivative."""
    return tl.where(after > 0.0, 1.0, 0.0)


@triton.jit
def gelu(before):
    """The activation."""
    return 0.5 * before * (1.0 + tl.erf(before * 0.7071067811865476))


@triton.jit
def gelu_slope(before, after):
    """Its derivative."""
    density = 0.3989422804014327 * tl.exp(-0.5 * before * before)
    return 0.5 * (1.0 + tl.erf(before * 0.7071067811865476)) + before * density


@triton.jit
def silu(before):
    """The activation."""
    return before / (1.0 + tl.exp(-before))


@triton.jit
def silu_slope(before, after):
    """Its derivative."""
    share = 1.0 / (1.0 + tl.exp(-before))
    return share * (1.0 + before * (1.0 - share))


@triton.jit
def tanh(before):
    """The activation: a polynomial (Cephes) near zero, where the quotient would cancel."""
    square = before * before
    series = square * -5.70498872745e-3 + 2.06390887954e-2
    series = (series * square - 5.37397155531e-2) * square + 1.33314422036e-1
    near = (series * square - 3.33332819422e-1) * square * before + before
    shrunk = tl.exp(-2.0 * tl.abs(before))
    far = (1.0 - shrunk) / (1.0 + shrunk)
    return tl.where(tl.abs(before) < 0.625, near, tl.where(before < 0.0, -far, far))


@triton.jit
def tanh_slope(before, after):
    """Its derivative."""
    return 1.0 - after * after


@triton.jit
def adam(weights, gradient, place, SIZE, rate, setting, first_correction, second_correction):
    """Adam's step; `rate` is the scheduled learning rate."""
    first = KEPT_1 * tl.load(place + SIZE) + NEW_1 * gradient
    second = KEPT_2 * tl.load(place + 2 * SIZE) + NEW_2 * gradient * gradient
    tl.store(place + SIZE, first)
    tl.store(place + 2 * SIZE, second)
    length = tl.sqrt(second) * second_correction + ADAM_EPSILON
    return weights - rate * first_correction * (first / length)


@triton.jit
def adamw(weights, gradient, place, SIZE, rate, setting, first_correction, second_correction):
    """AdamW's step; `setting` is the weight decay."""
    weights = weights - rate * setting * weights
    return adam(weights, gradient, place, SIZE, rate, setting, first_correction, second_correction)


@triton.jit
def sgd(weights, gradient, place, SIZE, rate, setting, first_correction, second_correction):
    """A step of gradient descent; `setting` is the momentum."""
    velocity = setting * tl.load(place + SIZE) + gradient
    tl.store(place + SIZE, velocity)
    return weights - rate * velocity


@triton.jit
def adagrad(weights, gradient, place, SIZE, rate, setting, first_correction, second_correction):
    """Adagrad's step."""
    squares = tl.load(place + SIZE) + gradient * gradient
    tl.store(place + SIZE, squares)
    return weights - rate * (gradient / (tl.sqrt(squares) + ADAGRAD_EPSILON))


@triton.jit
def average(weights, place, share):
    """Take new weights into their running average at `place`, in which they have a `share`."""
    before = tl.load(place)
    tl.store(place, before + share * (weights - before))
