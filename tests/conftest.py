"""Which tests may run beside which: those of one cluster never do, nor those of one file."""

import os

import pytest

# Ray's workers would be nicer than all else: beside another test's computing they would hardly run.
os.environ.setdefault("RAY_worker_niceness", "0")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Group the tests for `--dist loadgroup`: what shares costly fixtures stays in one process."""
    for item in items:
        in_clusters = "cluster_tests" in item.path.parts
        group = "cluster_tests" if in_clusters else item.path.stem
        item.add_marker(pytest.mark.xdist_group(group))
