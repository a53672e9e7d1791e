"""One trial as a user would write it with plain torch: the work that every tool below is given."""

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import torch

DIMENSION, BATCH_SIZE, STEPS = 8, 256, 1000
EVALUATION_PAIRS, EVALUATION_CHUNK = 65_536, 1024
SPACE = {"depth": (1, 3), "width": (4, 128), "learning_rate": (1e-4, 1e-1)}
"""Bounds; width and learning rate are searched in the logarithm."""


def pairs(size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs (size, 2 D) and labels (size,)."""
    x = torch.randn(size, 2 * DIMENSION)
    return x, (x[:, :DIMENSION] * x[:, DIMENSION:]).sum(1)


def train_one(
    configuration: Mapping[str, Any],
    report: Callable[[int, float], object] | None = None,
    rungs: tuple[int, ...] = (),
) -> float:
    """Train one network for STEPS batches; the nmse on fresh pairs.

    With `report`, the nmse on 8,192 pairs is reported at each of the `rungs`.
    """
    torch.set_num_threads(1)
    sizes = [2 * DIMENSION, *[configuration["width"]] * configuration["depth"], 1]
    layers: list[torch.nn.Module] = []
    for inputs, outputs in itertools.pairwise(sizes):
        layers += [torch.nn.Linear(inputs, outputs), torch.nn.ReLU()]
    network = torch.nn.Sequential(*layers[:-1])
    optimizer = torch.optim.Adam(network.parameters(), lr=configuration["learning_rate"])
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    for step in range(1, STEPS + 1):
        x, y = pairs(BATCH_SIZE)
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(network(x).squeeze(1), y).backward()
        optimizer.step()
        schedule.step()
        if report is not None and step in rungs:
            report(step, nmse(network, 8192))
    return nmse(network, EVALUATION_PAIRS)


@torch.no_grad()
def nmse(network: torch.nn.Module, count: int) -> float:
    """Mean squared error on `count` fresh pairs, as a share of the labels' variance."""
    total = 0.0
    for _ in range(count // EVALUATION_CHUNK):
        x, y = pairs(EVALUATION_CHUNK)
        total += float((network(x).squeeze(1) - y).double().square().sum())
    return total / count / DIMENSION
