"""Schedules against torch's own."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from trainables.schedules import SCHEDULES, average_weight

torch_schedules = {
    "constant": lambda optimizer, steps: torch.optim.lr_scheduler.ConstantLR(optimizer, 1.0),
    "cosine": lambda optimizer, steps: torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps),
    "linear": lambda optimizer, steps: torch.optim.lr_scheduler.LinearLR(
        optimizer, 1.0, 0.0, steps
    ),
    "one_cycle": lambda optimizer, steps: torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 1.0, total_steps=steps, cycle_momentum=False
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


@given(steps=st.integers(1, 300))
def test_the_running_average_forgets_what_lies_ten_parts_back(steps: int) -> None:
    """After n steps the newest weights make 1 / (n / 10 + 1) of it, the initial ones the rest."""
    average = 0.0
    shares = []
    for step in range(steps):
        average += (1.0 - average) * average_weight(step)
        shares.append(average_weight(step))
    assert shares[-1] == pytest.approx(10 / (steps + 10))
    # What is left of the start: the product of (n / (n + 10)), a ratio of binomials.
    left = 1.0
    for count in range(1, steps + 1):
        left *= count / (count + 10)
    assert 1 - average == pytest.approx(left)
