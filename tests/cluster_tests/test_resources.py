"""What a worker asks for against what a cluster has: pure, without Ray."""

import platform
import re

import pytest
import ray
from hypothesis import given
from hypothesis import strategies as st

from cluster.dashboard import check_versions
from cluster.errors import ClusterError, RequestError
from cluster.resources import (
    Cluster,
    Node,
    cluster_of,
    worker_request,
    workers_at_once,
    workers_text,
)
from spaces import Resources

CPU_NODE = Node(cpus=8, gpus=0, labels={})
H200_NODE = Node(cpus=16, gpus=4, labels={"ray.io/accelerator-type": "H200"})
GROWING = Node(cpus=4, gpus=0, labels={"ray.io/node-group": "head"})


@pytest.mark.parametrize(
    ("asked", "nodes", "expected"),
    [
        (Resources(), [CPU_NODE], {"CPU": 1, "GPU": 0}),
        (Resources(), [CPU_NODE, H200_NODE], {"CPU": 1, "GPU": 1}),
        (Resources(gpus=0), [H200_NODE], {"CPU": 1, "GPU": 0}),
        (Resources(gpus=0.5, cpus=2), [H200_NODE], {"CPU": 2, "GPU": 0.5}),
        (Resources(cpus=0.5), [CPU_NODE], {"CPU": 0.5, "GPU": 0}),
        (Resources(accelerator="H200"), [GROWING], {"CPU": 1, "GPU": 1}),
    ],
)
def test_a_request(asked: Resources, nodes: list[Node], expected: dict[str, float]) -> None:
    request = worker_request(asked, Cluster(nodes=tuple(nodes)))
    assert request.bundle == expected
    label = {"ray.io/accelerator-type": asked.accelerator}
    selector = {"bundle_label_selector": [label]} if asked.accelerator else {}
    assert request.placement == selector


@pytest.mark.parametrize(
    ("asked", "needs"),
    [
        (Resources(gpus=8), "1 CPU and 8 GPUs"),
        (Resources(cpus=17, gpus=0), "17 CPUs"),
        (Resources(cpus=9, gpus=4.0, accelerator="A100"), "9 CPUs and 4 GPUs and the .* A100"),
        (Resources(accelerator="A100"), "1 CPU and 1 GPU and the accelerator A100"),
    ],
)
def test_what_no_node_has_is_refused(asked: Resources, needs: str) -> None:
    has = "2 nodes of 8 CPUs; 1 node of 16 CPUs and 4 GPUs (H200)"
    message = rf"a worker needs {needs} on one node, .* the cluster has {re.escape(has)}; ask for"
    with pytest.raises(RequestError, match=message):
        worker_request(asked, Cluster(nodes=(CPU_NODE, CPU_NODE, H200_NODE)))


def test_an_accelerator_in_other_letters_gets_a_hint() -> None:
    for asked, hint in (("h200", r"did you mean H200\? ask"), ("A100", r"\(H200\); ask")):
        with pytest.raises(RequestError, match=hint):
            worker_request(Resources(accelerator=asked), Cluster(nodes=(H200_NODE,)))


def test_the_memory_of_a_worker_is_that_of_the_largest_node_that_holds_it() -> None:
    """Whole, as Ray found it: its resource for tasks and actors, and that for objects."""
    nodes: list[dict[str, float]] = [
        {"CPU": 1, "memory": 64e9, "object_store_memory": 10e9},
        {"CPU": 4, "memory": 7e9, "object_store_memory": 3e9},
        {"CPU": 8, "memory": 14e9, "object_store_memory": 6e9},
    ]
    request = worker_request(Resources(cpus=2), cluster_of((node, {}) for node in nodes))
    assert request.memory_bytes(cluster_of((node, {}) for node in nodes)) == 20e9
    assert request.memory_bytes(cluster_of((node, {}) for node in nodes[:2])) == 10e9
    unknown: list[dict[str, float]] = [*nodes, {"CPU": 4}]
    assert request.memory_bytes(cluster_of((node, {}) for node in unknown)) is None
    assert request.memory_bytes(cluster_of((node, GROWING.labels) for node in nodes)) is None


def test_a_cluster_that_grows_refuses_nothing() -> None:
    asked = Resources(gpus=8, accelerator="A100")
    assert worker_request(asked, Cluster(nodes=(GROWING,))).gpus == 8


@pytest.mark.parametrize(
    ("asked", "cluster", "expected"),
    [
        (Resources(), Cluster(nodes=(CPU_NODE,), embedded=True), 2 * 8),
        (Resources(cpus=3), Cluster(nodes=(CPU_NODE,), embedded=True), 2 * 2),
        (Resources(), Cluster(nodes=(CPU_NODE,)), 20),
        (Resources(gpus=0.3), Cluster(nodes=(H200_NODE,), embedded=True), 20),
        (Resources(workers=3), Cluster(nodes=(CPU_NODE,)), 3),
        (Resources(workers=30), Cluster(nodes=(CPU_NODE,)), 20),
    ],
)
def test_workers_at_once(asked: Resources, cluster: Cluster, expected: int) -> None:
    request = worker_request(asked, cluster)
    found = workers_at_once(asked, request, cluster, packs_at_once=20, waiting=False, timed=False)
    assert found == expected


@pytest.mark.parametrize("packs_at_once", [None, 500])
@pytest.mark.parametrize("waiting", [True, False])
@pytest.mark.parametrize("embedded", [True, False])
def test_where_a_time_ends_the_search_as_many_packs_wait_as_run(
    embedded: bool, waiting: bool, packs_at_once: int | None
) -> None:
    """What is handed out is trained, also after that time."""
    cluster = Cluster(nodes=(CPU_NODE,), embedded=embedded)

    def at_once(asked: Resources) -> int:
        request = worker_request(asked, cluster, packs=None, pack_size=4)
        return workers_at_once(
            asked, request, cluster, packs_at_once=packs_at_once, waiting=waiting, timed=True
        )

    assert at_once(Resources()) == at_once(Resources(workers=300)) == 2 * 8
    assert at_once(Resources(workers=4)) == 4
    assert worker_request(Resources(workers=4), cluster, packs=None, pack_size=4).cpus == 2  # of 8


@pytest.mark.parametrize("packs_at_once", [None, 500])
def test_packs_that_wait_for_nothing_start_no_node_each_beside_a_time(
    packs_at_once: int | None,
) -> None:
    cluster = Cluster(nodes=(GROWING,))
    request = worker_request(Resources(), cluster, packs=None)

    def at_once(asked: Resources, *, waiting: bool = False, timed: bool = True) -> int:
        return workers_at_once(
            asked, request, cluster, packs_at_once=packs_at_once, waiting=waiting, timed=timed
        )

    with pytest.raises(RequestError, match=r"resources\.workers: must be a number on a cluster"):
        at_once(Resources())
    assert at_once(Resources(workers=5)) == 5
    if packs_at_once is not None:
        assert at_once(Resources(), waiting=True) == at_once(Resources(), timed=False) == 500


@pytest.mark.parametrize(
    ("nodes", "packs", "pack_size", "expected"),
    [
        ([2], 1, 16, (1, 2)),
        ([2], 2, 16, (2, 1)),
        ([2], 3, 16, (2, 1)),
        ([16], 1, 16, (1, 16)),
        ([16], 1, 4, (1, 4)),  # a pack of 4 has work for 4 threads
        ([16], 3, 16, (3, 5)),
        ([16], 5, 16, (5, 3)),
        ([16], 12, 16, (8, 2)),
        ([16], 100, 16, (16, 1)),
        ([8, 8], 1, 32, (1, 8)),  # a worker lives on one node
        ([8, 4], 2, 32, (2, 4)),
        ([0, 6], 1, 32, (1, 6)),
    ],
)
def test_workers_of_their_own_accord_leave_no_core_idle(
    nodes: list[int], packs: int, pack_size: int, expected: tuple[int, int]
) -> None:
    cluster = Cluster(nodes=tuple(Node(cpus=cpus, gpus=0, labels={}) for cpus in nodes))
    request = worker_request(Resources(), cluster, packs=packs, pack_size=pack_size)
    assert (min(packs, request.workers(cluster)), request.cpus) == expected


@given(
    nodes=st.lists(st.integers(1, 64), min_size=1, max_size=4),
    packs=st.integers(1, 100),
    pack_size=st.integers(1, 64),
)
def test_no_other_number_of_cpus_keeps_many_more_busy_or_makes_fewer_packs_wait(
    nodes: list[int], packs: int, pack_size: int
) -> None:
    cluster = Cluster(nodes=tuple(Node(cpus=cpus, gpus=0, labels={}) for cpus in nodes))
    possible = range(1, min(max(nodes), pack_size) + 1)
    at_once = {cpus: min(packs, sum(node // cpus for node in nodes)) for cpus in possible}
    busy = {cpus: at_once[cpus] * cpus for cpus in possible}
    chosen = int(worker_request(Resources(), cluster, packs=packs, pack_size=pack_size).cpus)
    assert busy[chosen] >= 0.9 * max(busy.values())
    if at_once[chosen] < max(at_once.values()):  # some wait: only where cores would idle else
        assert busy[chosen] == max(busy.values())
        none_wait = [cpus for cpus in possible if at_once[cpus] == max(at_once.values())]
        assert busy[max(none_wait)] < 0.9 * busy[chosen]


@pytest.mark.parametrize(
    ("asked", "cluster", "text"),
    [
        (Resources(), Cluster(nodes=(CPU_NODE,)), "1 of 8 CPUs"),
        (Resources(cpus=3), Cluster(nodes=(CPU_NODE,)), "1 of 3 CPUs"),
        (Resources(), Cluster(nodes=(H200_NODE,)), "1 of 1 CPU and 1 GPU"),
        (Resources(gpus=0), Cluster(nodes=(H200_NODE,)), "1 of 16 CPUs"),
        (Resources(), Cluster(nodes=(GROWING,)), "up to 1 of 1 CPU, as the cluster grows"),
    ],
)
def test_workers_in_words(asked: Resources, cluster: Cluster, text: str) -> None:
    request = worker_request(asked, cluster, packs=1, pack_size=64)
    assert workers_text(request, cluster, packs=1) == text


def test_fewer_workers_have_more_cpus_each() -> None:
    cluster = Cluster(nodes=(CPU_NODE,))
    request = worker_request(Resources(workers=2), cluster, packs=100, pack_size=64)
    assert (request.workers(cluster), request.cpus) == (2, 4)


def test_other_versions_are_refused() -> None:
    check_versions((ray.__version__, platform.python_version()))
    check_versions((ray.__version__, platform.python_version().rpartition(".")[0] + ".99"))
    for versions in [("2.9.0", platform.python_version()), (ray.__version__, "3.9.1")]:
        with pytest.raises(ClusterError, match=re.escape(f"has Ray {versions[0]} and Python ")):
            check_versions(versions)
