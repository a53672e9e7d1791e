"""What an object store may answer over HTTP, and whether a write is tried again after it."""

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from results import OutputError, OutputFolder, OutputUnavailable, patiently

ANSWERS = {
    "slow-down": (503, "SlowDown", True),
    "unavailable": (503, "ServiceUnavailable", True),
    "broken": (500, "InternalError", True),
    "too-many": (429, "TooManyRequests", True),
    "bad-gateway": (502, "", True),
    "reset": (0, "", True),
    "denied": (403, "AccessDenied", False),
    "unknown-key": (403, "InvalidAccessKeyId", False),
    "no-bucket": (404, "NoSuchBucket", False),
    "not-there": (501, "NotImplemented", False),
}
"""By the folder: the HTTP status that the store answers (0: none), S3's code, whether it passes."""


class Store(BaseHTTPRequestHandler):
    """Answers as the path asks."""

    def do_PUT(self) -> None:
        """Called for each write."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status, code, _ = ANSWERS[self.path.split("/")[2]]
        if not status:
            at_once = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
            self.close_connection = True
            return
        body = f"<Error><Code>{code}</Code><Message>words</Message></Error>" if code else "<html>"
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *arguments: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def sick_store(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Store) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_address[1]}")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "the-access-key")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "the-secret-key")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield
        server.shutdown()
        thread.join()


def outcome(write: Callable[[], object]) -> OutputError:
    with pytest.raises(OutputError, match="an output folder must be writable") as raised:
        write()
    return raised.value


def test_only_what_may_pass_is_called_unavailable(sick_store: None) -> None:
    def passes(name: str) -> bool:
        folder = OutputFolder(f"s3://bucket/{name}")
        error = outcome(lambda: folder.write_text("spec.yaml", "name: x"))
        return isinstance(error, OutputUnavailable)

    with ThreadPoolExecutor(len(ANSWERS)) as pool:  # pyarrow tries each for six seconds
        found = dict(zip(ANSWERS, pool.map(passes, ANSWERS), strict=True))
    assert found == {name: passing for name, (_, _, passing) in ANSWERS.items()}


def test_a_write_is_repeated_until_it_works_or_can_not(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    failures: list[Exception] = [OutputUnavailable("away")] * 9

    def write() -> None:
        if failures:
            raise failures.pop()

    patiently(write)
    assert len(waits) == 9
    for wait, longest in zip(waits, [1, 2, 4, 8, 16, 30, 30, 30, 30], strict=True):
        assert longest / 2 <= wait <= longest
    failures += [OutputError("denied"), OutputUnavailable("away")]
    with pytest.raises(OutputError, match="denied"):
        patiently(write)
    assert len(waits) == 10


def test_the_limit_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    tries = 0

    def write() -> None:
        nonlocal tries
        tries += 1
        raise OutputUnavailable("away")

    monkeypatch.setenv("DOTTUNE_STORE_RETRY_SECONDS", "0")
    with pytest.raises(OutputUnavailable, match="away"):
        patiently(write)
    assert tries == 1
    monkeypatch.setenv("DOTTUNE_STORE_RETRY_SECONDS", "0.1")
    with pytest.raises(OutputUnavailable, match="away"):
        patiently(write)
    assert tries == 3
    for text in ("ten", "-1", "inf"):
        monkeypatch.setenv("DOTTUNE_STORE_RETRY_SECONDS", text)
        with pytest.raises(OutputError, match=rf"a number of seconds, 0 or more; got '{text}'"):
            patiently(write)
    assert tries == 3
