"""A node that is lost while it trains: its packs are trained on the others."""

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from results import OutputFolder
from tests.cluster_tests.two_nodes import NEEDS_SECONDS, TwoNodes, poll
from tests.faults import SPEC, Damage, damage, finished, workers_of


def stopped_within_a_pack(node: int) -> bool:
    """Whether a worker of the node, by the process that began it, now stands still in a pack."""
    for worker in workers_of(node):
        os.kill(worker, signal.SIGSTOP)
        if worker in workers_of(node):
            return True
        os.kill(worker, signal.SIGCONT)
    return False


@pytest.mark.chaos
def test_the_packs_of_a_lost_node_are_trained_again(
    two_nodes: TwoNodes, tmp_path: Path, record_property: Callable[[str, Any], None]
) -> None:
    undisturbed, out = OutputFolder(tmp_path / "undisturbed"), tmp_path / "out"
    finished(undisturbed.uri)
    spec = tmp_path / "spec.yaml"
    spec.write_text(yaml.safe_dump({**SPEC, "resources": {"cpus": 2}}))  # a worker on each node
    third = two_nodes.start_third()
    with two_nodes.start_dottune(
        *("run", str(spec), "--out", str(out), "--address", f"127.0.0.1:{two_nodes.port}"),
        stderr=subprocess.PIPE,
    ) as driver:
        try:
            poll(lambda: stopped_within_a_pack(third), "a pack on the third node")
            two_nodes.lose(third)
            _, said = driver.communicate(timeout=2 * NEEDS_SECONDS)
        finally:
            driver.kill()
    assert driver.returncode == 0, said
    assert "failed, trying again: " in said
    found = damage(undisturbed, OutputFolder(out))
    record_property("rows lost", found.lost)
    record_property("rows doubled", found.doubled)
    assert found == Damage(lost=0, doubled=0, changed=0)
    poll(lambda: two_nodes.size == 2, "the loss is noticed")
