"""The best network by hand that is known: its nmse, and its weights."""

from functools import lru_cache

from spaces.vocabulary import has_construction

from .affine import Affine, Layer, layers_of
from .configuration import Configuration
from .folded import folded_network, folded_nmse
from .shallow import shallow_network, shallow_nmse


@lru_cache(maxsize=4096)
def constructed_nmse(configuration: Configuration) -> float | None:
    """Return the nmse of a network of this size with weights set by hand, or None if unknown.

    It is what is certainly possible (an upper bound on the best nmse, in exact arithmetic), not a
    floor: that of the better one of

    - `shallow`: without the products and without hidden layers the mean predictor, 1 (the label is
      odd in each of the two vectors, so it is uncorrelated with every input); with the products
      their sum, 0; else one hidden layer that holds squares.
    - `folded`: two and more layers that fold what is to be squared.
    """
    if not is_known(configuration):
        return None
    known = shallow_nmse(configuration)
    return min(known, folded_nmse(configuration)) if _may_fold(configuration) else known


def constructed_layers(configuration: Configuration, *, folding: bool = True) -> list[Layer] | None:
    """Return the layers of the network that attains `constructed_nmse`; None where that is.

    Without `folding` that of `shallow`, whatever the depth. The units that it doesn't need are not
    among them. The inputs are [a, b] or [a, b, a * b] with the `scale` of the configuration, the
    activation is its own, the output a linear layer.
    """
    if not is_known(configuration):
        return None
    folding = folding and _may_fold(configuration)
    if folding and folded_nmse(configuration) < shallow_nmse(configuration):
        return _scaled(folded_network(configuration), configuration)
    return _scaled(shallow_network(configuration), configuration)


def is_known(configuration: Configuration) -> bool:
    """Whether there is a construction at all."""
    return has_construction(
        target=configuration.target,
        inputs=configuration.inputs,
        data=configuration.data,
        multiplication=configuration.multiplication,
        layer_sizes=configuration.layer_sizes,
        activation=configuration.activation,
    )


def _may_fold(configuration: Configuration) -> bool:
    return len(configuration.layer_sizes) > 1 and not configuration.multiplication


def _scaled(network: list[list[Affine]], configuration: Configuration) -> list[Layer]:
    """The layers for inputs of that scale, whose products and labels have its square."""
    scale, vectors = configuration.scale, 2 * configuration.dimension
    inputs = vectors + (configuration.dimension if configuration.multiplication else 0)
    layers = layers_of(network, inputs)
    layers[0].weights[:, :vectors] /= scale
    layers[0].weights[:, vectors:] /= scale**2
    layers[-1].weights[:] *= scale**2
    layers[-1].biases[:] *= scale**2
    return layers
