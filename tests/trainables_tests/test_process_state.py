"""Training leaves the process that it runs in as it was."""

import sys

import torch

from tests.trainables_tests.packs import make_member, make_pack
from trainables import Halving, train


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
