"""Training leaves the process that it runs in as it was."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch

from tests.trainables_tests.packs import make_member, make_pack
from trainables import Halving, train, training


def test_denormal_numbers_are_kept_between_reports_and_afterwards() -> None:
    smallest = sys.float_info.min
    halving = Halving(grace_period=2, reduction_factor=2, min_survivors=1)
    pack = make_pack([make_member(trial) for trial in range(2)], steps=4, halving=halving)
    reports = 0
    for _ in train(pack, device=torch.device("cpu")):
        reports += 1
        assert smallest / 2 > 0
    assert reports == 2
    assert smallest / 2 > 0


@pytest.fixture(params=["none", "ieee", "tf32"])
def precision(request: pytest.FixtureRequest) -> Iterator[str]:
    """How precise products are set to be before training."""
    products = torch.backends.cuda.matmul
    before, products.fp32_precision = products.fp32_precision, request.param
    yield request.param
    products.fp32_precision = before


@pytest.mark.parametrize("tf32", [False, True])
def test_products_use_tf32_in_training_alone_and_the_switch_is_put_back(
    monkeypatch: pytest.MonkeyPatch, precision: str, tf32: bool
) -> None:
    products = torch.backends.cuda.matmul
    seen = []
    advance, report = training._Run.advance, training._Run.report

    def watched_advance(*arguments: Any) -> None:
        seen.append(products.fp32_precision)
        advance(*arguments)

    def watched_report(*arguments: Any) -> training.Report:
        seen.append(products.fp32_precision)
        return report(*arguments)

    monkeypatch.setattr(training._Run, "advance", watched_advance)
    monkeypatch.setattr(training._Run, "report", watched_report)
    pack = replace(make_pack([make_member()], steps=2), tf32=tf32)
    for _ in train(pack, device=torch.device("cpu")):
        assert products.fp32_precision == precision
    assert set(zip(seen[::2], seen[1::2], strict=True)) == {("tf32" if tf32 else "ieee", "ieee")}
