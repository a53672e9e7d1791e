"""Ray, once for all tests of this folder that train on workers."""

import logging
import os
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session")
def two_cpus() -> Iterator[None]:
    """Keep Ray with two CPUs running in this process; a search finds it and uses it."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("RAY_AIR_NEW_OUTPUT", "RAY_AUTH_MODE"):
            patch.delenv(name, raising=False)
        patch.setenv("RAY_AIR_NEW_OUTPUT", "0")
        import ray

        ray.init(
            num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR
        )
        try:
            yield
        finally:
            ray.shutdown()
            os.environ.pop("RAY_AUTH_MODE", None)  # set by ray.init
