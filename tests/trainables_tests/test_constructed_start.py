"""Initial weights by hand: where they begin, and what the other units are."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from results.constructions import Configuration, constructed_layers, constructed_nmse
from results.exact_nmse import EXACT_NMSE
from tests.trainables_tests.packs import BY_HAND, make_member
from tests.trainables_tests.test_constructed_network import measured
from trainables import Task
from trainables.families import family_of
from trainables.families.constructed_start import constructed_start
from trainables.families.mlp import Mlp
from trainables.families.mlp_initial_weights import initial_layers

TASK = Task(dimension=4, scale=0.7)


@pytest.mark.parametrize("depth", [0, 1, 2, 3])
def test_constructed_begins_with_the_loss_of_one_layer_folded_with_the_lowest(depth: int) -> None:
    for start in BY_HAND:
        member = make_member(depth=depth, width=21, initialisation=start)
        network = family_of(member).reference(member, TASK).double()
        judged = make_member(depth=min(depth, 1) if start == "constructed" else depth, width=21)
        expected = constructed_nmse(Configuration.of({**vars(TASK), **judged.hyperparameters}))
        nmse, error = measured(network, TASK, 50_000)
        assert expected is not None
        assert abs(nmse - expected) < 3 * error + 1e-9  # the weights have seven digits


@pytest.mark.parametrize("start", BY_HAND)
@pytest.mark.parametrize("layer_sizes", ["linear", "1", "33", "40-9-35", "6-50"])
def test_the_other_units_are_torchs_and_nothing_by_hand_reads_them(
    start: str, layer_sizes: str
) -> None:
    member = make_member(layer_sizes=layer_sizes, initialisation=start)
    mlp = Mlp.of(member)
    configuration = Configuration.of({**vars(TASK), **member.hyperparameters})
    by_hand = constructed_layers(configuration, folding=start == "folded")
    assert by_hand is not None
    drawn = initial_layers(mlp.sizes(TASK.dimension), 5, "torch")
    found = constructed_start(mlp, TASK, 5)
    for (weight, bias), layer, (drawn_weight, drawn_bias) in zip(
        found, by_hand, drawn, strict=True
    ):
        used, read = layer.weights.shape
        torch.testing.assert_close(weight[used:], drawn_weight[used:], rtol=0, atol=0)
        torch.testing.assert_close(bias[used:], drawn_bias[used:], rtol=0, atol=0)
        torch.testing.assert_close(weight[:used, :read], torch.tensor(layer.weights).float())
        torch.testing.assert_close(bias[:used], torch.tensor(layer.biases).float())
        assert not weight[:used, read:].any()
        assert weight.dtype == bias.dtype == torch.float32
    sizes = mlp.sizes(TASK.dimension)
    assert [tuple(weight.shape) for weight, _ in found] == [
        (outputs, inputs) for inputs, outputs in pairwise(sizes)
    ]


def test_the_seed_draws_the_other_units_alone() -> None:
    a, b = torch.randn(2, 100, 4)
    one, other = (
        family_of(member).reference(member, TASK)
        for seed in (1, 2)
        for member in [
            make_member(layer_sizes="9-5", initialisation="constructed", initialisation_seed=seed)
        ]
    )
    torch.testing.assert_close(one(a, b), other(a, b))
    weights = zip(one.parameters(), other.parameters(), strict=True)
    assert not all(torch.equal(first, second) for first, second in weights)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 16), st.data())
def test_folded_is_exact_for_rademacher_in_float32_too(dimension: int, data: st.DataObject) -> None:
    """Where the squares fit into the first layer, and where they take two of them."""
    first = data.draw(st.integers(dimension, 3 * dimension))
    further = st.integers(dimension + 2, 4 * dimension + 8)
    sizes = [first, *data.draw(st.lists(further, min_size=first < 2 * dimension, max_size=3))]
    member = make_member(layer_sizes="-".join(map(str, sizes)), initialisation="folded")
    task = Task(dimension=dimension, inputs="rademacher")
    a, b = torch.randint(0, 2, (2, 2000, dimension), generator=torch.Generator().manual_seed(3))
    a, b = 2.0 * a - 1, 2.0 * b - 1
    with torch.no_grad():
        errors = family_of(member).reference(member, task)(a, b).flatten() - (a * b).sum(1)
    assert constructed_nmse(Configuration.of({**vars(task), **member.hyperparameters})) == 0
    assert float(errors.double().square().mean()) / dimension < EXACT_NMSE
