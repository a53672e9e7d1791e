"""How well a hand-built network of a given size computes the dot product."""

_ODD_PART_IS_IDENTITY = frozenset({"relu", "gelu", "silu"})


def constructed_nmse(
    *,
    target: str,
    dimension: int,
    multiplication: bool,
    depth: int,
    width: int,
    activation: str,
) -> float | None:
    """Return the nmse of a network of this size with weights set by hand, or None if unknown.

    It is what is certainly possible (an upper bound on the best nmse, in exact arithmetic), not a
    floor. Only the cases that need no calculation are answered so far, for inputs whose components
    are independent and distributed symmetrically about zero:

    - `depth` 0 without `multiplication`: 1.0. The label is odd in each of the two vectors, so it is
      uncorrelated with every input component, and the best linear network is the mean predictor.
    - Target `dot`, `depth` 0 with `multiplication`: 0.0. The output layer sums the `dimension`
      products.
    - Target `dot`, `depth` >= 1 with `multiplication`, `width` >= 2 and relu, gelu or silu: 0.0.
      These activations `f` obey `x = f(x) - f(-x)`, because each is `x * g(x)` with
      `g(x) + g(-x) = 1`. Two units of the first hidden layer hold `f(s)` and `f(-s)` with
      `s` the sum of the products; their difference is `s` again, so any number of hidden layers
      carries it, and the output layer returns it.

    Everything else is None: a tanh network, say, only approaches the identity, and a hidden layer
    without the products only approaches the product.
    """
    if depth == 0 and not multiplication:
        return 1.0
    if target != "dot" or not multiplication:
        return None
    if depth == 0:
        return 0.0
    if width >= 2 and activation in _ODD_PART_IS_IDENTITY:
        return 0.0
    return None
