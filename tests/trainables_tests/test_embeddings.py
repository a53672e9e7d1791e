"""Embeddings as plain modules: a lookup is a product with a one-hot matrix, gradients included."""

import math
from typing import Any

import numpy
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import mse_loss, one_hot

from trainables.families.embeddings import CollabNN, DotProductBias, emb_sz_rule, sigmoid_range

RANGES = [None, (0.0, 5.5), (-1.0, 2.0)]


def drawn(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def some_pairs(users: int, items: int, count: int, seed: int) -> Tensor:
    generator = drawn(seed)
    columns = [torch.randint(each, (count,), generator=generator) for each in (users, items)]
    return torch.stack(columns, dim=1)


@given(
    rows=st.integers(1, 9),
    factors=st.integers(1, 5),
    indices=st.lists(st.integers(0, 8), min_size=1, max_size=12),
    seed=st.integers(0, 99),
)
@settings(max_examples=40, deadline=None)
def test_a_lookup_is_the_product_with_a_one_hot_matrix(
    rows: int, factors: int, indices: list[int], seed: int
) -> None:
    generator = drawn(seed)
    index = torch.tensor(indices) % rows
    table = torch.randn(rows, factors, generator=generator, dtype=torch.float64)
    above = torch.randn(len(index), factors, generator=generator, dtype=torch.float64)
    values: list[Tensor] = []
    gradients: list[Tensor] = []
    for by_product in (False, True):
        parameter = table.clone().requires_grad_()
        value = one_hot(index, rows).double() @ parameter if by_product else parameter[index]
        value.backward(above)
        values.append(value.detach())
        assert parameter.grad is not None
        gradients.append(parameter.grad)
    assert torch.equal(*values)
    torch.testing.assert_close(*gradients, rtol=0, atol=1e-14)
    # Where the gradient of a row comes from: the pairs in which it stands, and nothing else.
    by_hand = numpy.zeros((rows, factors))
    for place, row in enumerate(index.tolist()):
        by_hand[row] += above[place].numpy()
    numpy.testing.assert_allclose(gradients[0].numpy(), by_hand, rtol=0, atol=1e-14)


def squeezed(rating: Any, y_range: tuple[float, float] | None) -> Any:
    if y_range is None:
        return rating
    low, high = y_range
    return low + (high - low) / (1 + numpy.exp(-rating))


@pytest.mark.parametrize("y_range", RANGES)
@pytest.mark.parametrize("biases", [True, False])
def test_the_dot_product_by_numpy(biases: bool, y_range: tuple[float, float] | None) -> None:
    model = DotProductBias(5, 7, 3, y_range, biases=biases, generator=drawn()).double()
    assert {name: tuple(each.shape) for name, each in model.named_parameters()} == (
        {"user_factors": (5, 3), "item_factors": (7, 3)}
        | ({"user_bias": (5,), "item_bias": (7,)} if biases else {})
    )
    pairs = some_pairs(5, 7, 20, seed=1)
    kept = {name: each.detach().numpy() for name, each in model.named_parameters()}
    users, items = pairs.numpy().T
    rating = numpy.einsum("bf,bf->b", kept["user_factors"][users], kept["item_factors"][items])
    if biases:
        rating += kept["user_bias"][users] + kept["item_bias"][items]
    numpy.testing.assert_allclose(
        model(pairs).detach().numpy(), squeezed(rating, y_range), rtol=1e-12
    )


@pytest.mark.parametrize("multiplication", [False, True])
@pytest.mark.parametrize("layer_sizes", [(), (100,), (6, 4)])
def test_the_mlp_by_numpy(layer_sizes: tuple[int, ...], multiplication: bool) -> None:
    model = CollabNN(
        (5, 3),
        (7, 3),
        (0.0, 5.5),
        layer_sizes,
        multiplication=multiplication,
        generator=drawn(),
    ).double()
    pairs = some_pairs(5, 7, 20, seed=1)
    kept = {name: each.detach().numpy() for name, each in model.named_parameters()}
    users, items = pairs.numpy().T
    user, item = kept["user_factors"][users], kept["item_factors"][items]
    layer = numpy.concatenate([user, item] + ([user * item] if multiplication else []), axis=1)
    for index in range(len(layer_sizes) + 1):
        weight, bias = (kept[f"layers.{2 * index}.{part}"] for part in ("weight", "bias"))
        layer = layer @ weight.T + bias
        if index < len(layer_sizes):
            layer = numpy.maximum(layer, 0)
    numpy.testing.assert_allclose(
        model(pairs).detach().numpy(), squeezed(layer[:, 0], (0.0, 5.5)), rtol=1e-12
    )


def test_a_row_that_no_pair_names_has_no_gradient() -> None:
    pairs = torch.tensor([[1, 2], [3, 2]])
    for model in (
        DotProductBias(5, 7, 3, generator=drawn()),
        CollabNN((5, 3), (7, 4), generator=drawn()),
    ):
        mse_loss(model(pairs), torch.tensor([4.0, 1.0])).backward()
        for name, named in (("user_factors", {1, 3}), ("item_factors", {2})):
            gradient = getattr(model, name).grad
            assert set(gradient.abs().sum(1).nonzero()[:, 0].tolist()) == named


def test_weights_begin_small_and_come_from_the_generator_alone() -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    models = [DotProductBias(900, 1600, 50, generator=drawn(seed)) for seed in (1, 1, 2)]
    networks = [CollabNN((900, 50), (1600, 50), generator=drawn(seed)) for seed in (1, 1, 2)]
    assert torch.equal(torch.get_rng_state(), before)
    for first, again, other in (models, networks):
        for one, same in zip(first.parameters(), again.parameters(), strict=True):
            assert torch.equal(one, same)
        assert not torch.equal(first.user_factors, other.user_factors)
    # Of n numbers the standard deviation is known to 1 / sqrt(2 n).
    for name in ("user_factors", "item_factors", "user_bias", "item_bias"):
        weights = getattr(models[0], name).detach()
        spread = 0.01 / math.sqrt(2 * weights.numel())
        assert abs(float(weights.std()) - 0.01) < 5 * spread
    embedding = networks[0].user_factors.detach()
    assert float(embedding.abs().max()) <= 0.02
    # A normal distribution cut off at 2: its variance is 1 - 4 phi(2) / (2 Phi(2) - 1).
    density, within = math.exp(-2) / math.sqrt(2 * math.pi), math.erf(math.sqrt(2))
    assert float(embedding.std()) == pytest.approx(
        0.01 * math.sqrt(1 - 4 * density / within), rel=0.02
    )
    bound = 1 / math.sqrt(100)
    for parameter in networks[0].layers[0].parameters():
        assert bound / 2 < float(parameter.detach().abs().max()) <= bound


@given(categories=st.integers(1, 10**6))
def test_the_size_of_an_embedding_grows_with_its_categories(categories: int) -> None:
    size = emb_sz_rule(categories)
    assert 1 <= size <= emb_sz_rule(categories + 1) <= 600
    if size < 600:
        assert abs(size - 1.6 * categories**0.56) <= 0.5


def test_sexes_and_classes_of_the_titanic() -> None:
    """As the source document prints them: (3, 3) and (4, 3)."""
    assert [(n + 1, emb_sz_rule(n + 1)) for n in (2, 3)] == [(3, 3), (4, 3)]


def test_what_is_refused() -> None:
    with pytest.raises(ValueError, match=r"at least one category; received 0: count the"):
        emb_sz_rule(0)
    with pytest.raises(ValueError, match=r"lower number to a higher one; received 5 to 1: give"):
        sigmoid_range(torch.zeros(1), 5, 1)
    with pytest.raises(ValueError, match=r"received 3 factors of users and 4 of items: give both"):
        CollabNN((5, 3), (7, 4), multiplication=True, generator=drawn())
