"""The constructed errors, against networks built and evaluated in NumPy."""

from typing import Any

import numpy as np
import pytest
from scipy.special import erf, expit

from results import constructed_nmse

ACTIVATIONS = {
    "relu": lambda x: np.maximum(x, 0),
    "gelu": lambda x: x * (1 + erf(x / np.sqrt(2))) / 2,
    "silu": lambda x: x * expit(x),
}


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("depth", [1, 2, 4])
@pytest.mark.parametrize("width", [2, 5])
def test_products_are_carried_through_hidden_layers(
    activation: str, depth: int, width: int
) -> None:
    generator = np.random.default_rng(0)
    dimension = 3
    a, b = generator.standard_normal((2, 1000, dimension))
    labels = (a * b).sum(axis=1)
    hidden = np.concatenate([a, b, a * b], axis=1)
    for layer in range(depth):
        weights = np.zeros((hidden.shape[1], width))
        incoming = np.zeros(hidden.shape[1])
        if layer == 0:
            incoming[2 * dimension :] = 1
        else:
            incoming[:2] = 1, -1
        weights[:, 0], weights[:, 1] = incoming, -incoming
        hidden = ACTIVATIONS[activation](hidden @ weights)
    outputs = hidden[:, 0] - hidden[:, 1]
    nmse = np.mean((outputs - labels) ** 2) / labels.var(ddof=1)
    size: dict[str, Any] = {
        "target": "dot",
        "dimension": dimension,
        "depth": depth,
        "width": width,
        "activation": activation,
    }
    assert nmse == pytest.approx(0, abs=1e-25)
    assert constructed_nmse(multiplication=True, **size) == 0.0
    assert constructed_nmse(multiplication=False, **size) is None


def test_a_linear_network_is_the_mean_predictor_unless_given_the_products() -> None:
    generator = np.random.default_rng(1)
    a, b = generator.standard_normal((2, 100_000, 4))
    labels = (a * b).sum(axis=1)
    for multiplication, parts in ((False, [a, b]), (True, [a, b, a * b])):
        inputs = np.concatenate([*parts, np.ones((len(a), 1))], axis=1)
        weights, *_ = np.linalg.lstsq(inputs, labels)
        nmse = np.mean((inputs @ weights - labels) ** 2) / labels.var(ddof=1)
        constructed = constructed_nmse(
            target="dot",
            dimension=4,
            multiplication=multiplication,
            depth=0,
            width=4,
            activation="tanh",
        )
        assert constructed == pytest.approx(nmse, abs=1e-3)


@pytest.mark.parametrize("change", [{"width": 1}, {"activation": "tanh"}, {"target": "cosine"}])
def test_what_is_not_known_is_none(change: dict[str, Any]) -> None:
    size: dict[str, Any] = {
        "target": "dot",
        "dimension": 2,
        "multiplication": True,
        "depth": 1,
        "width": 8,
        "activation": "relu",
    }
    assert constructed_nmse(**size) == 0.0
    assert constructed_nmse(**size | change) is None


@pytest.mark.parametrize("target", ["dot", "cosine"])
@pytest.mark.parametrize("inputs", ["uniform", "rademacher"])
def test_without_products_a_linear_network_is_the_mean_predictor_whatever_is_to_be_learned(
    target: str, inputs: str
) -> None:
    generator = np.random.default_rng(2)
    a, b = (
        generator.uniform(-1, 1, (2, 100_000, 3))
        if inputs == "uniform"
        else generator.choice([-1.0, 1.0], (2, 100_000, 3))
    )
    labels = (a * b).sum(axis=1)
    if target == "cosine":
        labels /= np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    design = np.concatenate([a, b, np.ones((len(a), 1))], axis=1)
    weights, *_ = np.linalg.lstsq(design, labels)
    nmse = np.mean((design @ weights - labels) ** 2) / labels.var(ddof=1)
    constructed = constructed_nmse(
        target=target, dimension=3, multiplication=False, depth=0, width=4, activation="relu"
    )
    assert constructed == pytest.approx(nmse, abs=1e-3)
