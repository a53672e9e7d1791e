"""The constructed errors, against networks built and evaluated in NumPy."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import erf, expit
from scipy.stats import norm

from results.constructions import Configuration, constructed_layers, constructed_nmse
from spaces.vocabulary import FIELDS

Array = NDArray[np.float64]

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "relu": lambda x: np.maximum(x, 0),
    "gelu": lambda x: x * (1 + erf(x / np.sqrt(2))) / 2,
    "silu": lambda x: x * expit(x),
    "tanh": np.tanh,
}
DRAWS: dict[str, Callable[..., Array]] = {
    "normal": lambda generator, size: generator.standard_normal(size),
    "uniform": lambda generator, size: generator.uniform(-(3**0.5), 3**0.5, size),
    "rademacher": lambda generator, size: generator.choice([-1.0, 1.0], size),
}


def configuration(dimension: int, *layer_sizes: int, **given: Any) -> Configuration:
    rest = {"target": "dot", "inputs": "normal", "multiplication": False, "activation": "relu"}
    return Configuration(dimension=dimension, layer_sizes=layer_sizes, **{**rest, **given})


def known_nmse(size: Configuration) -> float:
    nmse = constructed_nmse(size)
    assert nmse is not None
    return nmse


def predicted(size: Configuration, a: Array, b: Array) -> Array:
    """The network's output: layers no larger than asked for, then a linear one."""
    layers = constructed_layers(size)
    assert layers is not None
    assert len(layers) == len(size.layer_sizes) + 1
    hidden = np.concatenate([a, b, a * b] if size.multiplication else [a, b], axis=1)
    for layer, most in zip(layers[:-1], size.layer_sizes, strict=True):
        assert len(layer.biases) <= most
        hidden = ACTIVATIONS[size.activation](hidden @ layer.weights.T + layer.biases)
    return (hidden @ layers[-1].weights.T + layers[-1].biases)[:, 0]


def measured(size: Configuration, pairs: int, seed: int = 0) -> tuple[float, float]:
    """The nmse on fresh pairs, and its standard error."""
    generator = np.random.default_rng(seed)
    a, b = size.scale * DRAWS[size.inputs](generator, (2, pairs, size.dimension))
    labels = (a * b).sum(axis=1)
    squares = (predicted(size, a, b) - labels) ** 2 / labels.var(ddof=1)
    return squares.mean(), squares.std() / pairs**0.5


@pytest.mark.parametrize(
    "layer_sizes",
    [(64, 3), (16, 64, 2), (64, 1), (7, 64), (9, 7, 5, 1), (20, 12, 9), (3, 3, 3, 3), (1, 9)],
)
@pytest.mark.parametrize("scale", [1.0, 30.0, 1e-3])
def test_layers_may_differ_and_inputs_be_scaled(layer_sizes: tuple[int, ...], scale: float) -> None:
    size = configuration(3, *layer_sizes, scale=scale)
    nmse, error = measured(size, 30_000, seed=1)
    assert abs(nmse - known_nmse(size)) < 3 * error
    assert known_nmse(size) == known_nmse(configuration(3, *layer_sizes))


@pytest.mark.parametrize("layer_sizes", [(4,), (8, 8), (20,) * 3, (9,) * 4, (200,), (64,) * 4])
def test_rare_pairs_have_their_share(layer_sizes: tuple[int, ...]) -> None:
    """At dimension 1 the error is a sum of one of a + b and one of a - b: each on a dense grid."""
    size = configuration(1, *layer_sizes)
    x = np.linspace(-9, 9, 40_001)[:, None]
    shares = norm.pdf(x[:, 0]) * (x[1, 0] - x[0, 0])
    nmse = 0.0
    for sign in (1, -1):  # along one of them the other is 0
        errors = predicted(size, x / 2**0.5, sign * x / 2**0.5) - sign * x[:, 0] ** 2 / 2
        nmse += shares @ (errors - shares @ errors) ** 2
    assert nmse == pytest.approx(known_nmse(size), rel=1e-3)


@pytest.mark.parametrize("dimension", [1, 2, 5])
def test_products_of_signs_are_exact_with_two_units_each(dimension: int) -> None:
    vectors = np.array(list(itertools.product([-1.0, 1.0], repeat=2 * dimension)))
    a, b = vectors[:, :dimension], vectors[:, dimension:]
    labels = (a * b).sum(axis=1)
    for layer_sizes in (
        (2 * dimension,),
        (2 * dimension, 1),
        (dimension, dimension + 2),
        (dimension, 2 * dimension + 3, 2),
        (2 * dimension - 1,),
    ):
        size = configuration(dimension, *layer_sizes, inputs="rademacher")
        errors = predicted(size, a, b) - labels
        expected = 1 / dimension if layer_sizes == (2 * dimension - 1,) else 0.0
        assert known_nmse(size) == pytest.approx(expected)
        assert np.mean(errors**2) / labels.var() == pytest.approx(expected, abs=1e-25)


@pytest.mark.parametrize("inputs", DRAWS)
@pytest.mark.parametrize("activation", ["relu", "gelu", "silu"])
@pytest.mark.parametrize("layer_sizes", [(), (2,), (5, 5), (2, 7, 3, 2)])
def test_products_that_are_given_are_summed_up(
    activation: str, layer_sizes: tuple[int, ...], inputs: str
) -> None:
    given: dict[str, Any] = {"multiplication": True, "activation": activation, "inputs": inputs}
    size = configuration(3, *layer_sizes, scale=0.3, **given)
    assert known_nmse(size) == 0
    assert measured(size, 1000)[0] == pytest.approx(0, abs=1e-25)


@pytest.mark.parametrize("dimension", [1, 16])
@pytest.mark.parametrize("layer_sizes", [(1,), (1,) * 31, (4, 1, 3)])
def test_one_relu_carries_a_sum(dimension: int, layer_sizes: tuple[int, ...]) -> None:
    size = configuration(dimension, *layer_sizes, multiplication=True)
    assert known_nmse(size) == 0
    assert measured(size, 20_000)[0] == pytest.approx(0, abs=1e-25)


@pytest.mark.parametrize("target", ["dot", "cosine"])
@pytest.mark.parametrize("inputs", DRAWS)
def test_without_products_a_linear_network_is_the_mean_predictor(target: str, inputs: str) -> None:
    generator = np.random.default_rng(2)
    a, b = DRAWS[inputs](generator, (2, 100_000, 3))
    labels = (a * b).sum(axis=1)
    if target == "cosine":
        labels /= np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    design = np.concatenate([a, b, np.ones((len(a), 1))], axis=1)
    weights, *_ = np.linalg.lstsq(design, labels)
    nmse = np.mean((design @ weights - labels) ** 2) / labels.var(ddof=1)
    size = configuration(3, target=target, inputs=inputs, activation="tanh")
    assert known_nmse(size) == pytest.approx(nmse, abs=1e-3)
    assert not predicted(size, a, b).any()


def test_a_layer_too_small_for_any_square_leaves_the_mean() -> None:
    for layer_sizes in ((1,), (1, 1), (1, 1, 5)):
        size = configuration(4, *layer_sizes)
        assert known_nmse(size) == 1
        assert not predicted(size, *np.random.default_rng(3).standard_normal((2, 9, 4))).any()


@pytest.mark.parametrize(
    "given",
    [
        {"target": "cosine"},
        {"target": "cosine", "multiplication": True},
        {"inputs": "uniform"},
        {"inputs": "of another package"},
        {"data": "of another package"},
        {"target": "of another package", "multiplication": True},
        *({"activation": name} for name in FIELDS["activation"].names if name != "relu"),
        {"activation": "tanh", "multiplication": True},
    ],
)
def test_what_is_not_known_is_none(given: dict[str, Any]) -> None:
    size = configuration(2, 64, 64, **given)
    assert constructed_nmse(size) is None
    assert constructed_layers(size) is None


@pytest.mark.parametrize("activation", ["gelu", "silu"])
def test_one_unit_of_another_activation_carries_nothing(activation: str) -> None:
    size = configuration(2, 64, 1, multiplication=True, activation=activation)
    assert constructed_nmse(size) is None


@pytest.mark.parametrize("given", [{"inputs": "theirs"}, {"data": "theirs"}])
def test_of_vectors_of_another_package_only_the_sum_of_products_is_known(
    given: dict[str, Any],
) -> None:
    for layer_sizes in ((), (2,), (5, 2)):
        assert constructed_nmse(configuration(2, *layer_sizes, **given)) is None
        size = configuration(2, *layer_sizes, multiplication=True, **given)
        assert known_nmse(size) == 0
    assert constructed_nmse(configuration(2, 5, 1, multiplication=True, **given)) is None


def test_a_further_layer_and_wider_ones_leave_no_more() -> None:
    for dimension in (1, 3):
        for width in range(1, 40):
            by_depth = [known_nmse(configuration(dimension, *[width] * n)) for n in (1, 2, 3)]
            assert by_depth == sorted(by_depth, reverse=True)
    for depth in (1, 2):
        by_width = [known_nmse(configuration(2, *[width] * depth)) for width in range(1, 60)]
        assert by_width == sorted(by_width, reverse=True)
