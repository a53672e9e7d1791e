"""A cluster of many nodes, most of them gone: seen whole, through Ray's own state API."""

import asyncio
import hashlib
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request
from ray.core.generated.gcs_pb2 import GcsNodeInfo  # type: ignore[attr-defined]
from ray.dashboard.state_aggregator import StateAPIManager
from ray.dashboard.state_api_utils import options_from_req

from cluster.dashboard import Dashboard

ALIVE, GONE = 140, 400


class Gcs:
    """Knows nodes under ids as random as Ray's own."""

    async def get_all_node_info(self, **asked: object) -> tuple[dict[bytes, GcsNodeInfo], int]:
        nodes = {}
        for number in range(ALIVE + GONE):
            id = hashlib.sha256(str(number).encode()).digest()[:28]
            state = GcsNodeInfo.ALIVE if number < ALIVE else GcsNodeInfo.DEAD
            node = GcsNodeInfo(node_id=id, state=state, is_head_node=number == 0)
            node.resources_total["CPU"] = 8
            nodes[id] = node
        return nodes, 0


class Answer:
    """What the dashboard answers to a request for its nodes."""

    def __init__(self, path: str) -> None:
        options = options_from_req(make_mocked_request("GET", path))
        with ThreadPoolExecutor(1) as pool:
            gcs: Any = Gcs()
            manager = StateAPIManager(gcs, pool)
            self._listed = asyncio.run(manager.list_nodes(option=options)).result

    def raise_for_status(self) -> None: ...

    def json(self) -> dict[str, Any]:
        return {"data": {"result": {"result": self._listed}}}


@pytest.fixture
def dashboard() -> Dashboard:
    found = Dashboard.__new__(Dashboard)
    found.address = "http://HEAD:8265"
    client: Any = SimpleNamespace(_do_request=lambda method, path, timeout: Answer(path))
    found.client = client
    return found


def test_all_nodes_are_counted_and_the_head_is_among_them(dashboard: Dashboard) -> None:
    assert len(dashboard.cluster().nodes) == ALIVE
    assert dashboard.head_node_fault() is None
