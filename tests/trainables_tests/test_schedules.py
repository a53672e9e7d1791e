"""Schedules against torch's own."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from trainables.schedules import SCHEDULES

torch_schedules = {
    "constant": lambda optimizer, steps: torch.optim.lr_scheduler.ConstantLR(optimizer, 1.0),
    "cosine": lambda optimizer, steps: torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps),
    "linear": lambda optimizer, steps: torch.optim.lr_scheduler.LinearLR(
        optimizer, 1.0, 0.0, steps
    ),
}


@pytest.mark.parametrize("name", sorted(SCHEDULES))
@settings(deadline=None)
@given(steps=st.integers(1, 60))
def test_a_schedule_equals_torchs(name: str, steps: int) -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule = torch_schedules[name](optimizer, steps)
    for step in range(steps):
        expected = optimizer.param_groups[0]["lr"]
        assert SCHEDULES[name](step, steps) == pytest.approx(expected, abs=1e-9)
        optimizer.step()
        schedule.step()
