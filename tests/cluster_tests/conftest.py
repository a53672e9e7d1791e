"""One cluster of two nodes and one object store for all tests of `cluster`."""

from collections.abc import Iterator

import boto3
import pytest
import s3fs
from moto.server import ThreadedMotoServer

from tests.cluster_tests.two_nodes import TwoNodes

SECRET = "the-secret-key-of-the-cluster"


@pytest.fixture(scope="package")
def object_store() -> Iterator[dict[str, str]]:
    """An S3 endpoint over HTTP with the bucket `bucket`: the environment that finds it."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    environment = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "the-access-key",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        client = boto3.client("s3")
        client.create_bucket(Bucket="bucket")
        client.close()
    yield environment
    s3fs.S3FileSystem.clear_instance_cache()
    server.stop()


@pytest.fixture(scope="package")
def two_nodes(object_store: dict[str, str]) -> Iterator[TwoNodes]:
    """A cluster whose nodes, unlike its clients, can use the object store."""
    cluster = TwoNodes(object_store)
    yield cluster
    cluster.stop()
