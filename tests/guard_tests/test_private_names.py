"""What is used of other packages though it is private: a list, each name of which is touched here.

`pyproject.toml` allows no versions but those that were tested; a later one is allowed once this
passes with it.
"""

import ast
import inspect
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from optuna import distributions
from optuna.samplers import TPESampler
from optuna.samplers._tpe import parzen_estimator, probability_distributions, sampler
from ray import _raylet
from ray.air.execution._internal.actor_manager import RayActorManager
from ray.dashboard.modules.dashboard_sdk import SubmissionClient
from ray.tune.execution import class_cache
from ray.tune.execution.class_cache import _ActorClassCache
from ray.tune.execution.tune_controller import TuneController
from ray.tune.utils.object_cache import _ObjectCache

PROJECT = Path(__file__).parents[2]
PACKAGES = ["cluster", "results", "search", "spaces", "trainables"]


def _controller_has(name: str) -> bool:
    """An attribute that the controller sets when it is made."""
    return f"self.{name} = " in inspect.getsource(TuneController.__init__) or (
        f"self.{name}: " in inspect.getsource(TuneController.__init__)
    )


USED: dict[str, Callable[[], object]] = {
    # Optuna, in search/planning/samplers/tpe_pack.py
    "optuna.distributions._get_single_value": lambda: distributions._get_single_value,
    "optuna.samplers._tpe.parzen_estimator._ParzenEstimator": lambda: (
        parzen_estimator._ParzenEstimator.sample
    ),
    "optuna.samplers._tpe.probability_distributions._BatchedCategoricalDistributions": lambda: (
        probability_distributions._BatchedCategoricalDistributions
    ),
    "optuna.samplers._tpe.probability_distributions._MixtureOfProductDistribution": lambda: (
        probability_distributions._MixtureOfProductDistribution
    ),
    "optuna.samplers._tpe.sampler.default_gamma": lambda: sampler.default_gamma(10),
    "._parzen_estimator_parameters": lambda: TPESampler()._parzen_estimator_parameters,
    "._n_ei_candidates": lambda: TPESampler()._n_ei_candidates,
    "._mixture_distribution": lambda: (
        "self._mixture_distribution = "
        in inspect.getsource(parzen_estimator._ParzenEstimator.__init__)
    ),
    # Python: leaves without anything being undone
    "._exit": lambda: os._exit,
    # Ray
    "ray._raylet.setproctitle": lambda: _raylet.setproctitle,  # type: ignore[attr-defined]
    "._do_request": lambda: SubmissionClient._do_request,
    "._trial_to_actor": lambda: _controller_has("_trial_to_actor"),
    "._started_actors": lambda: _controller_has("_started_actors"),
    "._actor_manager": lambda: RayActorManager.is_actor_started,
    "._actor_cache": lambda: _controller_has("_actor_cache") and _ObjectCache.increase_max,
    "._resources_to_pending_trials": lambda: _controller_has("_resources_to_pending_trials"),
    # torch
    "._fused_adam_": lambda: torch._fused_adam_,
}
"""An import as it is written, an attribute with a dot before it; and what must be true."""


@pytest.mark.parametrize("name", USED)
def test_a_private_name_is_there(name: str) -> None:
    assert USED[name]()


def test_tunes_variables_for_workers_are_where_they_are_replaced() -> None:
    """They have no underscore, and are private all the same."""
    assert isinstance(class_cache.ENV_VARS_TO_PROPAGATE, set)
    assert isinstance(class_cache.DEFAULT_ENV_VARS, dict)
    assert "ENV_VARS_TO_PROPAGATE" in inspect.getsource(_ActorClassCache.get)


def test_no_other_private_name_is_used() -> None:
    found: set[str] = set()
    for package in PACKAGES:
        for path in (PROJECT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                found.update(_private_names(node))
    assert found == USED.keys()


def _private_names(node: ast.AST) -> list[str]:
    if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
        names = [f"{node.module}.{alias.name}" for alias in node.names]
    elif isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.Attribute) and not _own(node.value):
        names = [f".{node.attr}"]
    else:
        return []
    return [name for name in names if any(map(_is_private, name.split(".")))]


def _own(value: ast.expr) -> bool:
    return isinstance(value, ast.Name) and value.id in ("self", "cls")


def _is_private(word: str) -> bool:
    return word.startswith("_") and not word.startswith("__")
