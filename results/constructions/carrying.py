"""A sum carried through hidden layers unchanged."""

from .affine import Affine


def carried(total: Affine, units: int, dimension: int) -> tuple[list[Affine], Affine]:
    """Return at most two units that hold a sum, and the sum as a function of them.

    Two hold it exactly, x = f(x) - f(-x) for relu, gelu and silu: each is x g(x) with
    g(x) + g(-x) = 1. One ReLU holds it while it is above a bound, here 40 + 4 D for vectors of
    variance 1. A dot product of normal ones lies below minus that with a probability of less than
    1e-17 (Chernoff's bound), and so do the sums that are made for it.
    """
    if units >= 2:
        return [total, -total], Affine({0: 1.0, 1: -1.0})
    bound = 40.0 + 4.0 * dimension
    return [total + bound], Affine({0: 1.0}, -bound)
