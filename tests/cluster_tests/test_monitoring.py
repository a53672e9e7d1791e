"""A search seen from outside while it runs on a cluster: Ray's dashboard and Prometheus."""

import json
import re
from functools import partial
from pathlib import Path

import pandas as pd
import pytest

from cluster import metrics
from tests.cluster_tests.prometheus_server import BINARY, prometheus
from tests.cluster_tests.two_nodes import TwoNodes, poll

DASHBOARD = Path(__file__).parents[2] / "cluster" / "manifests" / "grafana-dashboard.json"
SPEC = """
name: watched
grid: {dimension: [1], multiplication: [false, true]}
space:
  width: {low: 16, high: 32, log: true}
  learning_rate: {low: 1.0e-3, high: 1.0e-1, log: true}
fixed: {depth: 2, steps: 200000, batch_size: 128}
budget: {trials: 8, pack_size: 4}
confirm: {replicates: 2, steps_factors: [1]}
resources: {gpus: 0}
tensorboard: "off"
"""


def grafana_expressions() -> list[str]:
    """What the panels of the Grafana dashboard ask Prometheus, for all searches."""
    panels = json.loads(DASHBOARD.read_text())["panels"]
    asked = [target["expr"] for panel in panels for target in panel["targets"]]
    return [expression.replace("$search", ".*") for expression in asked]


def test_the_grafana_dashboard_shows_every_gauge() -> None:
    source = Path(metrics.__file__).read_text()
    gauges = {f"ray_dottune_{name}" for name in re.findall(r'_gauge\(\s*"(\w+)"', source)}
    assert len(gauges) == 7
    assert set(re.findall(r"ray_dottune_\w+", " ".join(grafana_expressions()))) == gauges


@pytest.mark.skipif(BINARY is None, reason="needs prometheus: apt-get install prometheus")
def test_prometheus_and_the_dashboard_see_a_search(two_nodes: TwoNodes, tmp_path: Path) -> None:
    spec, out = tmp_path / "watched.yaml", tmp_path / "out"
    spec.write_text(SPEC)
    address = ("--address", two_nodes.address)
    submit = ("submit", str(spec), "--out", str(out), "--shared-filesystem", "--image-has-deps")
    with prometheus(two_nodes.prometheus_discovery, tmp_path) as server:
        id = two_nodes.done(*submit, *address).strip()

        poll(lambda: two_nodes.workers(), "workers")
        names = {worker["repr_name"] for worker in two_nodes.workers()}
        title = r"Pack\(d=1, mult=(yes|no), (pack \d, 4 trials|confirm x1, 2 replicates)\)"
        assert all(re.fullmatch(title, name) for name in names), names
        running = poll(lambda: two_nodes.process_titles("ray::Pack(d="), "workers' titles")
        assert all(re.fullmatch(f"ray::{title}", name.strip()) for name in running), running
        (job,) = [job for job in two_nodes.get("/api/jobs/") if job["submission_id"] == id]
        assert job["metadata"]["search"] == "watched"
        assert job["metadata"]["out"] == str(out)

        fresh = 'ray_dottune_packs_in_flight{search="watched"} > 0'
        poll(lambda: server.query(fresh), "packs in flight")
        poll(lambda: server.query("ray_dottune_member_steps_per_second > 0"), "throughput")
        for expression in grafana_expressions():
            poll(partial(server.query, expression), expression)
        (pace,) = server.query("time() - timestamp(ray_dottune_samples_per_second)")
        assert float(pace["value"][1]) < 20

        assert two_nodes.dottune("logs", id, "--follow", *address).returncode == 0
        last = 'last_over_time({}{{search="watched"}}[10m])'.format
        summary = pd.read_parquet(out / "summary.parquet").set_index("study")
        best = summary["nmse_search"].to_dict()
        poll(
            lambda: (
                server.values(last("ray_dottune_trials_left"), "study") == dict.fromkeys(best, 0)
            ),
            "the last numbers",
        )
        assert server.values(last("ray_dottune_best_nmse"), "study") == pytest.approx(best)
        statuses = summary[["completed", "pruned", "diverged"]].sum().to_dict()
        assert server.values(last("ray_dottune_trials"), "status") == statuses
        assert server.values(last("ray_dottune_packs_in_flight"), "search") == {"watched": 0}
        (seconds,) = server.query(last("ray_dottune_seconds_since_last_pack"))
        assert 0 <= float(seconds["value"][1]) < 120
