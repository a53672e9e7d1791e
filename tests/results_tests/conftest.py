"""Complete rows, for the tests of `results`."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from results.rows import CurveRow, TrialRow
from tests.typed_rows import changed

KEY: dict[str, Any] = {
    "search": "quick",
    "study": "dimension=8,multiplication=false",
    "trial": 0,
    "phase": "search",
    "replicate": 0,
    "steps_factor": 1,
}
TRIAL = TrialRow(
    **KEY,
    seed=0,
    pack=0,
    status="completed",
    task={
        "dimension": 8,
        "target": "dot",
        "inputs": "normal",
        "scale": 1.0,
        "data": "stream",
        "pairs": None,
        "users": None,
        "items": None,
        "pairs_per_user": None,
        "table": None,
        "user": None,
        "item": None,
        "rating": None,
        "timestamp": None,
        "split_seed": None,
        "fingerprint": None,
        "ranking": None,
        "shuffle": None,
        "label_noise_std": 0.0,
    },
    hyperparameters={
        "model": "mlp",
        "factors": None,
        "y_range": None,
        "multiplication": False,
        "depth": 2,
        "width": 32,
        "layer_sizes": "32-32",
        "learning_rate": 0.01,
        "activation": "relu",
        "initialisation": "torch",
        "dropout": None,
        "optimizer": "adam",
        "weight_decay": None,
        "momentum": None,
        "beta_1": None,
        "beta_2": None,
        "epsilon": None,
        "schedule": "cosine",
    },
    batch_size=256,
    initialisation_seed=2**63 - 1,
    data_seed=2,
    evaluation_seed=3,
    steps=4000,
    schedule_steps=4000,
    samples=1024000,
    parameters=1633,
    flops=9.4e9,
    train_loss=0.25,
    loss=0.5,
    loss_stderr=0.01,
    nmse=0.0625,
    nmse_stderr=0.00125,
    nmse_first_rung=0.5,
    constructed_nmse=None,
    rmse_excess_test=None,
    rmse_excess_fresh=None,
    pearson_r=None,
    rmse=None,
    recall_at_10=None,
    ndcg_at_10=None,
    started_at=datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC),
    train_seconds=0.5,
    pack_seconds=8.0,
    device="cpu",
    worker="node-1",
    execution=0,
)
CURVE = CurveRow(
    **KEY,
    step=500,
    samples_at_step=128000,
    train_loss_at_step=0.5,
    loss_at_step=0.75,
    nmse_at_step=0.1,
    scheduled_learning_rate=0.009,
)


@pytest.fixture(scope="session")
def trial_row() -> Callable[..., TrialRow]:
    """Make a complete row of trials, with some columns changed."""
    return lambda **columns: changed(TRIAL, **columns)


@pytest.fixture(scope="session")
def curve_row() -> Callable[..., CurveRow]:
    """Make a complete row of curves, with some columns changed."""
    return lambda **columns: replace(CURVE, **columns)
