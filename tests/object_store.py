"""An object store, spoken to in S3 over real HTTP, with the bucket `bucket`."""

from collections.abc import Iterator
from contextlib import contextmanager

import boto3
import pytest
import s3fs
from moto.server import ThreadedMotoServer


class ObjectStore:
    """A store on one port that can go away and come back with what it held."""

    def __init__(self, secret: str = "the-secret-key") -> None:
        """Start it; the bucket is made by `object_store`."""
        self.port = 0
        self._secret = secret
        self.come_back()

    def come_back(self) -> None:
        """Serve, on the same port as before."""
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=self.port, verbose=False)
        self._server.start()
        self.port = self._server.get_host_and_port()[1]

    def go_away(self) -> None:
        """Serve no more."""
        self._server.stop()

    @property
    def environment(self) -> dict[str, str]:
        """What finds the store, and no other store."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ACCESS_KEY_ID": "the-access-key",
            "AWS_SECRET_ACCESS_KEY": self._secret,
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    @contextmanager
    def found(self) -> Iterator[None]:
        """This process finds the store, for the length of the block."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.environment.items():
                patch.setenv(name, value)
            yield


@contextmanager
def object_store(secret: str = "the-secret-key") -> Iterator[ObjectStore]:
    """A store with its bucket, for the length of the block."""
    store = ObjectStore(secret)
    s3fs.S3FileSystem.clear_instance_cache()
    with store.found():
        client = boto3.client("s3")
        client.create_bucket(Bucket="bucket")
        client.close()
    yield store
    s3fs.S3FileSystem.clear_instance_cache()
    store.go_away()
