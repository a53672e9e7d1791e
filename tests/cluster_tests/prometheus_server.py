"""A real Prometheus that scrapes a cluster, asked over HTTP."""

import json
import shutil
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.cluster_tests.two_nodes import free_port, poll

BINARY = shutil.which("prometheus")

CONFIGURATION = """
global: {{scrape_interval: 1s}}
scrape_configs:
  - job_name: ray
    file_sd_configs: [{{files: ["{discovery}"], refresh_interval: 1s}}]
"""


class Prometheus:
    """A running server."""

    def __init__(self, url: str) -> None:
        self.url = url

    def query(self, expression: str) -> list[Any]:
        """The series of an instant query: labels under `metric`, [time, text] under `value`."""
        query = urllib.parse.urlencode({"query": expression})
        with urllib.request.urlopen(f"{self.url}/api/v1/query?{query}", timeout=30) as answer:
            found: list[Any] = json.load(answer)["data"]["result"]
            return found

    def values(self, expression: str, label: str) -> dict[str, float]:
        """The values of the series, by one of their labels, which must tell them apart."""
        series = self.query(expression)
        found = {each["metric"][label]: float(each["value"][1]) for each in series}
        assert len(found) == len(series), series
        return found

    def ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=5):
                return True
        except OSError:
            return False


@contextmanager
def prometheus(discovery: Path, folder: Path) -> Iterator[Prometheus]:
    """Scrape what Ray's discovery file names until the block ends; keep the data in `folder`."""
    assert BINARY is not None
    (folder / "prometheus.yml").write_text(CONFIGURATION.format(discovery=discovery))
    address = f"127.0.0.1:{free_port()}"
    with (folder / "prometheus.log").open("w") as log:
        server = subprocess.Popen(
            [
                BINARY,
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={address}",
            ],
            stdout=log,
            stderr=log,
        )
        try:
            client = Prometheus(f"http://{address}")
            poll(client.ready, "Prometheus")
            yield client
        finally:
            server.terminate()
            server.wait(timeout=30)
