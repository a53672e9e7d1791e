"""Searches as jobs of a real cluster: two raylets, token authentication, the dashboard's HTTP."""

import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import s3fs

from tests.cluster_tests.conftest import SECRET
from tests.cluster_tests.two_nodes import TwoNodes, poll

SPACE = """
space:
  width: {low: 4, high: 16, log: true}
  learning_rate: {low: 1.0e-3, high: 1.0e-1, log: true}
confirm: null
tensorboard: "off"
"""
HALVES = f"""
name: halves
grid: {{dimension: [1, 2, 3, 4]}}
fixed: {{depth: 2, steps: 100000000}}
budget: {{trials: 4, pack_size: 4}}
resources: {{gpus: 0.5}}
{SPACE}"""
PAIR = f"""
name: pair
grid: {{dimension: [2, 3]}}
fixed: {{depth: 2, steps: 60000, batch_size: 64}}
budget: {{trials: 20, pack_size: 4}}
sampler: random
{SPACE}"""
SUBMIT = ("--shared-filesystem", "--image-has-deps")
VARYING = ["started_at", "train_seconds", "pack_seconds", "worker", "execution"]


def trials(out: str | Path) -> pd.DataFrame:
    frame = pd.read_parquet(f"{out}/trials").drop(columns=VARYING)
    key = ["study", "phase", "trial", "replicate", "steps_factor"]
    return frame.sort_values(key, ignore_index=True)


def test_four_half_gpu_packs_on_two_nodes_until_stopped(
    two_nodes: TwoNodes, tmp_path: Path
) -> None:
    spec, out = tmp_path / "halves.yaml", tmp_path / "a folder"
    spec.write_text(HALVES)
    cluster = ("--address", two_nodes.address)
    id = two_nodes.done("submit", str(spec), "--out", str(out), *SUBMIT, *cluster).strip()
    assert re.fullmatch(r"halves-\d{8}-\d{6}-[0-9a-f]{4}", id)
    poll(lambda: len(two_nodes.workers()) == 4, "four workers")
    assert len({worker["node_id"] for worker in two_nodes.workers()}) == 2

    again = two_nodes.dottune("submit", str(spec), "--out", str(out), *SUBMIT, *cluster)
    assert again.returncode == 2
    assert f"the job {id} (RUNNING) writes to {out} already" in again.stderr
    assert f"stop it with `dottune stop {id}`" in again.stderr
    stopped = two_nodes.dottune("stop", id, *cluster)
    assert stopped.returncode == 0, stopped.stderr
    assert re.search("status +STOPPED", stopped.stdout)
    assert f"dottune submit --resume --out '{out}'" in stopped.stderr
    assert "interrupted with 0 of 16 trials done" in two_nodes.done("logs", id, *cluster)
    poll(lambda: not two_nodes.workers(), "the workers' end")


def test_a_stopped_job_is_resumed_and_equals_an_undisturbed_run_on_one_node(
    two_nodes: TwoNodes, tmp_path: Path
) -> None:
    spec, out, alone = tmp_path / "pair.yaml", tmp_path / "pair", tmp_path / "alone"
    spec.write_text(PAIR)
    cluster = ("--address", two_nodes.address)
    id = two_nodes.done("submit", str(spec), "--out", str(out), *SUBMIT, *cluster).strip()
    poll(lambda: len(list(out.glob("trials/*.parquet"))) > 1, "finished packs")
    two_nodes.get(f"/api/jobs/{id}/stop", method="POST")
    assert two_nodes.dottune("logs", id, "--follow", *cluster).returncode == 130
    kept = trials(out)
    assert 0 < len(kept) < 40

    resume = ("submit", "--resume", "--out", str(out), *SUBMIT, "--follow")
    resumed = two_nodes.dottune(*resume, *cluster)
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    assert "summary.parquet" in resumed.stdout
    listed = two_nodes.done("jobs", *cluster)
    assert re.search(rf"{id} +STOPPED .*{out}", listed)
    assert re.search(rf"pair-\S+ +SUCCEEDED .*{out}", listed)

    one = ("--set", "resources.gpus=0", "--set", "resources.workers=1")
    two_nodes.done("run", str(spec), "--out", str(alone), *one)
    pd.testing.assert_frame_equal(trials(out), trials(alone))
    assert len(kept.merge(trials(alone))) == len(kept)


def test_a_search_to_an_object_store(
    two_nodes: TwoNodes, object_store: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cluster writes with its own credentials; the client's are for reading, and stay here."""
    out = "s3://bucket/runs/smoke"
    submit = ("submit", "smoke", "--out", out, "--image-has-deps", "--set", 'tensorboard="off"')
    done = two_nodes.dottune(
        *submit, "--follow", RAY_API_SERVER_ADDRESS=two_nodes.address, AWS_SECRET_ACCESS_KEY="mine"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for name, value in object_store.items():
        monkeypatch.setenv(name, value)
    frame = trials(out)
    assert frame.groupby("phase").size().to_dict() == {"confirm": 8, "search": 16}
    shown = two_nodes.dottune("show", out, **object_store)
    assert shown.returncode == 0, shown.stderr
    assert "d=2" in shown.stdout

    files = s3fs.S3FileSystem()
    part = files.glob("bucket/runs/smoke/trials/*search-00001.parquet")[0]
    files.rm(part)
    resumed = two_nodes.dottune("resume", out, **object_store)
    assert resumed.returncode == 0, resumed.stderr
    s3fs.S3FileSystem.clear_instance_cache()  # it remembers listings
    pd.testing.assert_frame_equal(trials(out), frame)

    jobs = str(two_nodes.get("/api/jobs/"))
    assert "s3://bucket/runs/smoke" in jobs
    assert SECRET not in jobs
    assert "mine" not in jobs
    assert "AWS_" not in jobs


def test_a_search_whose_packs_all_fail_is_a_failed_job(two_nodes: TwoNodes, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "trials").symlink_to(tmp_path / "nowhere")  # no folder can be made there
    ended = two_nodes.dottune(
        *("submit", "smoke", "--out", str(tmp_path / "out"), *SUBMIT, "--follow"),
        *("--set", "grid.dimension=[1]", "--address", two_nodes.address),
    )
    assert ended.returncode == 1
    id = ended.stdout.splitlines()[0]
    assert f"{id}: FAILED" in ended.stderr
    shown = two_nodes.done("status", id, "--address", two_nodes.address)
    assert re.search("exit code +1", shown)


def test_a_driver_here_ships_the_packages(two_nodes: TwoNodes, tmp_path: Path) -> None:
    """`run --address HOST:PORT`: the workers import what this process has, not what they have."""
    script = (
        "import sys; from cluster.connect import connected\n"
        "with connected(sys.argv[1]) as cluster:\n"
        "    import ray\n"
        "    def where(): import trainables; return trainables.__file__\n"
        "    print(ray.get(ray.remote(where).remote()), cluster)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, f"127.0.0.1:{two_nodes.port}"],
        env=two_nodes.client_environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert "py_modules_files" in ended.stdout
    assert "2 nodes of 2 CPUs and 1 GPU" in ended.stdout
