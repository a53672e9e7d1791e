"""Which tests may run beside which: those of one cluster never do, nor those of one file."""

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Group the tests for `--dist loadgroup`: what shares costly fixtures stays in one process."""
    for item in items:
        in_clusters = "cluster_tests" in item.path.parts
        group = "cluster_tests" if in_clusters else item.path.stem
        item.add_marker(pytest.mark.xdist_group(group))
