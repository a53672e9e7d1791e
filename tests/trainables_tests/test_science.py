"""What theory says the numbers must be (docs: the dot product of normal vectors)."""

import pytest
import torch

from tests.trainables_tests.packs import make_member, make_pack
from trainables import train
from trainables.training import Evaluation


def last(**member: object) -> Evaluation:
    steps, dimension = member.pop("steps", 1000), member.pop("dimension", 4)
    pack = make_pack([make_member(**member)], dimension=dimension, steps=steps, batch_size=256)  # type: ignore[arg-type]
    *_, report = train(pack, device=torch.device("cpu"))
    return report.evaluations[0]


def test_a_linear_network_does_no_better_than_the_mean() -> None:
    loss = last(depth=0, dimension=4).loss
    assert loss is not None
    assert abs(loss.normalised - 1) < 4 * loss.standard_error / 4
    assert loss.mean == pytest.approx(4, abs=5 * loss.standard_error)


@pytest.mark.parametrize("dimension", [1, 3, 16])
def test_with_the_products_a_linear_network_is_exact(dimension: int) -> None:
    loss = last(depth=0, dimension=dimension, multiplication=True, steps=2000).loss
    assert loss is not None
    assert loss.normalised < 1e-6


def test_one_hidden_layer_reaches_about_the_construction() -> None:
    # The construction with four knots for each of the two squares: E_4 / 2 = 5.676e-3.
    rates = (3e-3, 1e-2, 2e-2, 4e-2)
    members = [
        make_member(i, width=8, learning_rate=rate, initialisation_seed=i)
        for i, rate in enumerate(rates * 4)
    ]
    pack = make_pack(members, dimension=1, steps=4000, batch_size=256)
    *_, report = train(pack, device=torch.device("cpu"))
    best = min(e.loss.normalised for e in report.evaluations if e.loss is not None)
    assert 0.5 * 5.676e-3 < best < 3 * 5.676e-3


def test_the_standard_error_is_that_of_the_mean() -> None:
    # y is the error of the zero predictor: its square has variance 3 d (d + 2) - d^2.
    loss = last(depth=0, dimension=2, learning_rate=1e-6, steps=1).loss
    assert loss is not None
    assert loss.standard_error == pytest.approx(((3 * 2 * 4 - 4) / 65536) ** 0.5, rel=0.5)
