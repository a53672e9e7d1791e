"""Ray, once for all tests of this folder that train on workers."""

import logging
import os
from collections.abc import Iterator

import pytest

from search import SearchResult, run_search


@pytest.fixture(scope="session")
def two_cpus() -> Iterator[None]:
    """Keep Ray with two CPUs running in this process; a search finds it and uses it."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("RAY_AIR_NEW_OUTPUT", "RAY_AUTH_MODE"):
            patch.delenv(name, raising=False)
        patch.setenv("RAY_AIR_NEW_OUTPUT", "0")
        import ray

        ray.init(
            "local",  # never a cluster that somebody else runs on this machine
            num_cpus=2,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
        try:
            yield
        finally:
            ray.shutdown()
            os.environ.pop("RAY_AUTH_MODE", None)  # set by ray.init


@pytest.fixture(scope="session")
def smoke(two_cpus: None, tmp_path_factory: pytest.TempPathFactory) -> SearchResult:
    """The preset smoke, run to its end by two workers; to be read, not changed."""
    out = tmp_path_factory.mktemp("smoke") / "out"
    return run_search("smoke", str(out), overrides=["resources.workers=2"])
