"""Networks by hand as modules: they attain what their rows say, on fresh pairs."""

import pytest
import torch

from results.constructions import Configuration, constructed_nmse
from spaces.vocabulary import layer_units
from tests.trainables_tests.packs import make_member
from trainables import Task
from trainables.families.constructed_network import constructed_network
from trainables.families.mlp import Mlp


def measured(network: torch.nn.Module, task: Task, pairs: int) -> tuple[float, float]:
    """The nmse on fresh pairs of normal vectors, and its standard error."""
    generator = torch.Generator().manual_seed(1)
    size = (2, pairs, task.dimension)
    a, b = task.scale * torch.randn(size, generator=generator, dtype=torch.float64)
    labels = (a * b).sum(1)
    with torch.no_grad():
        squares = (network(a, b) - labels).square() / labels.var()
    return float(squares.mean()), float(squares.std()) / pairs**0.5


SIZES = [
    *((1, 2), (1, 7), (1, 8), (2, 5), (2, 16), (2, 18)),
    *((4, 3), (4, 32), (8, 24), (8, 64), (16, 64), (16, 100)),
]
"""Dimension and width. (Deeper ones err where pairs are rarest: see the grids of `results`.)"""


@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize(("dimension", "width"), SIZES)
def test_a_network_has_the_nmse_that_it_was_made_for(
    dimension: int, width: int, depth: int
) -> None:
    member, task = make_member(depth=depth, width=width), Task(dimension=dimension, scale=1.5)
    columns = {**vars(task), **member.hyperparameters}
    network = constructed_network(Mlp.of(member), task)
    nmse, error = measured(network, task, 100_000)
    expected = constructed_nmse(Configuration.of(columns))
    assert expected is not None
    assert abs(nmse - expected) < 3 * error


@pytest.mark.parametrize("layer_sizes", ["linear", "9", "30-7-12", "1-1"])
@pytest.mark.parametrize("multiplication", [False, True])
def test_its_layers_are_as_large_as_they_should_be(layer_sizes: str, multiplication: bool) -> None:
    mlp = Mlp.of(make_member(layer_sizes=layer_sizes, multiplication=multiplication))
    network = constructed_network(mlp, Task(dimension=3))
    shapes = [tuple(each.shape) for each in network.parameters() if each.dim() == 2]
    sizes = (9 if multiplication else 6, *layer_units(layer_sizes), 1)
    assert shapes == list(zip(sizes[1:], sizes, strict=False))


def test_where_none_is_known_it_says_so() -> None:
    mlp = Mlp.of(make_member(activation="tanh"))
    with pytest.raises(ValueError, match=r"no network by hand is known for Mlp\(.*'tanh'.*Task\("):
        constructed_network(mlp, Task(dimension=3))
