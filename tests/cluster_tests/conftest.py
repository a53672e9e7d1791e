"""One cluster of two nodes and one object store for all tests of `cluster`."""

from collections.abc import Iterator

import pytest

from tests.cluster_tests.two_nodes import TwoNodes
from tests.object_store import object_store as object_store_server

SECRET = "the-secret-key-of-the-cluster"


@pytest.fixture(scope="package")
def object_store() -> Iterator[dict[str, str]]:
    """An S3 endpoint over HTTP with the bucket `bucket`: the environment that finds it."""
    with object_store_server(SECRET) as store:
        yield store.environment


@pytest.fixture(scope="package")
def two_nodes(object_store: dict[str, str]) -> Iterator[TwoNodes]:
    """A cluster whose nodes, unlike its clients, can use the object store."""
    cluster = TwoNodes(object_store)
    yield cluster
    cluster.stop()
