"""The files that start a cluster, each held against what will read it."""

import os
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import ray
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config
from typer.core import TyperGroup
from typer.main import get_command

from cluster.jobs import STOP_ENVIRONMENT
from search.commands.cli import application

PROJECT = Path(__file__).parents[2]
MANIFESTS = PROJECT / "cluster" / "manifests"
SLURM = MANIFESTS / "slurm.sh"


def crd_folder() -> Path:
    folder = Path(os.environ.get("KUBERAY_CRDS") or PROJECT.parent / "shared" / "crds")
    if not folder.is_dir():
        pytest.skip(f"no KubeRay CRDs in {folder}; set KUBERAY_CRDS to a folder that has them")
    return folder


def closed(schema: Any) -> Any:
    """The schema of a CRD as JSON Schema that, like the API server asked to be strict, refuses
    fields that it doesn't know.
    """
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    result = {
        key: {name: closed(each) for name, each in value.items()}
        if key == "properties"
        else closed(value)
        for key, value in schema.items()
    }
    keeps = schema.get("x-kubernetes-preserve-unknown-fields")
    if "properties" in schema and "additionalProperties" not in schema and not keeps:
        result["additionalProperties"] = False
    return result


def kuberay_schema(kind: str) -> dict[str, Any]:
    file = crd_folder() / f"ray.io_{kind.lower()}s.yaml"
    versions = yaml.safe_load(file.read_text())["spec"]["versions"]
    stored = next(version for version in versions if version["storage"])
    schema: dict[str, Any] = closed(stored["schema"]["openAPIV3Schema"])
    schema["properties"]["metadata"] = {"type": "object"}  # the API server's own
    return schema


def manifest(name: str) -> Any:
    return yaml.safe_load((MANIFESTS / name).read_text())


@pytest.mark.parametrize("kind", ["RayCluster", "RayJob"])
def test_a_kubernetes_manifest_fits_its_crd(kind: str) -> None:
    resource = manifest(f"{kind.lower()}.yaml")
    assert resource["kind"] == kind
    assert resource["apiVersion"] == "ray.io/v1"
    schema = kuberay_schema(kind)
    jsonschema.Draft7Validator(schema).validate(resource)
    resource["spec"]["rayVersionn"] = "2.60.0"
    with pytest.raises(jsonschema.ValidationError, match="rayVersionn"):
        jsonschema.Draft7Validator(schema).validate(resource)


@pytest.mark.parametrize("name", ["raycluster.yaml", "rayjob.yaml"])
def test_a_kubernetes_cluster_has_a_token_and_the_pinned_ray(name: str) -> None:
    spec = manifest(name)["spec"]
    spec = spec.get("rayClusterSpec", spec)
    assert spec["authOptions"] == {"mode": "token"}
    assert spec["rayVersion"] == ray.__version__
    assert spec["enableInTreeAutoscaling"] is True
    groups = [spec["headGroupSpec"], *spec["workerGroupSpecs"]]
    images = [group["template"]["spec"]["containers"][0]["image"] for group in groups]
    if name == "raycluster.yaml":
        assert all(re.match(f"rayproject/ray:{ray.__version__}-py3", image) for image in images)


@pytest.mark.parametrize("name", ["raycluster.yaml", "rayjob.yaml"])
def test_a_kubernetes_manifest_says_how_its_service_account_is_made(name: str) -> None:
    spec = manifest(name)["spec"]
    spec = spec.get("rayClusterSpec", spec)
    pods = [spec["headGroupSpec"], *spec["workerGroupSpecs"]]
    (account,) = {pod["template"]["spec"]["serviceAccountName"] for pod in pods}
    assert f"kubectl create serviceaccount {account}" in (MANIFESTS / name).read_text()
    requests = [
        pod["template"]["spec"]["containers"][0]["resources"]["requests"]
        for pod in spec["workerGroupSpecs"]
    ]
    assert [request.get("nvidia.com/gpu") for request in requests] == [None, "1"]


def test_a_ray_job_stops_gracefully() -> None:
    environment = yaml.safe_load(manifest("rayjob.yaml")["spec"]["runtimeEnvYAML"])
    assert environment == {"env_vars": STOP_ENVIRONMENT}


def test_a_ray_job_may_be_retried_and_ends() -> None:
    """Its entrypoint is a command of dottune, and the second one begins where the first ended."""
    spec = manifest("rayjob.yaml")["spec"]
    program, command, *arguments = shlex.split(spec["entrypoint"])
    assert (program, command) == ("dottune", "run")
    options = get_command(application)
    assert isinstance(options, TyperGroup)
    context = options.commands["run"].make_context("run", arguments)
    assert context.params["resume_if_there"] is True
    assert context.params["address"] == "auto"
    assert spec["backoffLimit"] > 0
    assert spec["activeDeadlineSeconds"] > 3600
    minutes, seconds = "two minutes", spec["ttlSecondsAfterFinished"]
    assert seconds == 120
    assert f"gone {minutes} after" in (MANIFESTS / "rayjob.yaml").read_text()


def test_rays_own_validator_accepts_the_launcher_file() -> None:
    config = manifest("aws.yaml")
    prepared = prepare_config(config)
    validate_config(prepared)
    for command in (config["head_start_ray_commands"], config["worker_start_ray_commands"]):
        assert "RAY_AUTH_MODE=token ray start" in command[-1]
    assert "/home/ray/.ray/auth_token" in config["file_mounts"]
    assert prepared["provider"]["cache_stopped_nodes"] is False
    for node in prepared["available_node_types"].values():
        # With these Ray makes no group of its own, which would let everyone in at port 22.
        assert node["node_config"]["SecurityGroupIds"]
    installing = [key for key in prepared if key.endswith("setup_commands")]
    assert "setup_commands" in installing
    assert "wheel" not in str([prepared[key] for key in installing])


def test_the_slurm_script_parses() -> None:
    subprocess.run(["bash", "-n", SLURM], check=True)


def environment(folder: Path, **more: str) -> dict[str, str]:
    """The environment of a job: programs are found in `folder` first, and python is this one."""
    path = os.pathsep.join([str(folder), str(Path(sys.executable).parent), os.environ["PATH"]])
    return {**os.environ, "HOME": str(folder), "PATH": path, **more}


def test_a_dry_run_of_the_slurm_script_shows_its_commands(tmp_path: Path) -> None:
    ended = subprocess.run(
        ["bash", SLURM, "--dry-run", "run", "quick", "--out", "/data/my runs"],
        env=environment(tmp_path, SLURM_JOB_NUM_NODES="4", SLURM_CPUS_ON_NODE="16"),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    head = re.search(
        r"--nodelist=(\S+) ray start --head --block --port=(\d+) .*--dashboard-port=(\d+) "
        r"--ray-client-server-port=(\d+)",
        ended.stdout,
    )
    assert head is not None, ended.stdout
    host, port, *others = head.groups()
    assert len({port, *others}) == 3
    assert re.search(rf"srun .*--nodes=3 .*ray start --block --address={host}:{port}", ended.stdout)
    assert ended.stdout.count("--num-cpus=16") == 2
    run = rf"dottune run quick --out /data/my\\ runs --address {host}:{port}"
    assert re.search(run, ended.stdout)
    assert ended.stdout.index(f"wait_for_port {host} {port}") < ended.stdout.index("dottune run")
    assert list(tmp_path.iterdir()) == []


def wait_for_port(port: int, seconds: int, process: int) -> subprocess.CompletedProcess[str]:
    """Run the script's own function in a shell of its own."""
    function = re.search(
        r"^wait_for_port\(\) \{\n.*?^\}\n", SLURM.read_text(), re.DOTALL | re.MULTILINE
    )
    assert function is not None
    call = f"wait_for_port 127.0.0.1 {port} {seconds} {process}"
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f"{function[0]}\n{call}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_slurm_script_waits_for_the_head_and_not_for_ever() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert wait_for_port(port, 60, os.getpid()).returncode == 0
    late = wait_for_port(port, 1, os.getpid())
    assert late.returncode == 1
    assert f"did not listen at 127.0.0.1:{port} within 1 s; set HEAD_SECONDS" in late.stderr
    ended = subprocess.Popen(["true"])
    ended.wait()
    died = wait_for_port(port, 60, ended.pid)
    assert died.returncode == 1
    assert "the head node ended before it listened" in died.stderr


PROGRAMS = {
    "srun": 'while [[ "$1" == --* ]]; do shift; done; exec "$@"',
    "ray": """exec python - "$@" <<'END'
import pathlib, socket, sys, time
time.sleep(1)  # late, as a head on a busy machine is
port = next(each.removeprefix("--port=") for each in sys.argv if each.startswith("--port="))
with socket.create_server(("", int(port))):
    limit = time.monotonic() + 60
    while not pathlib.Path(port).exists() and time.monotonic() < limit:
        time.sleep(0.05)
END""",
    "dottune": """exec python - "$@" <<'END'
import pathlib, socket, sys
host, port = sys.argv[-1].split(":")
socket.create_connection((host, int(port))).close()
print(sys.argv[1], "at", port)
pathlib.Path(port).touch()
END""",
}
"""Programs in the places of Slurm's, Ray's and ours: what is tried is the script."""


def write_programs(programs: Mapping[str, str], folder: Path) -> None:
    for name, text in programs.items():
        (folder / name).write_text(f"#!/usr/bin/env bash\n{text}\n")
        (folder / name).chmod(0o755)


def test_dottune_hears_the_signal_that_slurm_sends_before_the_end(tmp_path: Path) -> None:
    programs = PROGRAMS | {
        "dottune": """exec python - "$@" <<'END'
import pathlib, signal, sys, time
def interrupted(number, frame):
    print("interrupted in order", flush=True)
    pathlib.Path(sys.argv[-1].split(":")[1]).touch()
    sys.exit(130)
signal.signal(signal.SIGTERM, interrupted)
print("searching", flush=True)
time.sleep(60)
END"""
    }
    write_programs(programs, tmp_path)
    with subprocess.Popen(
        ["bash", SLURM, "run", "quick"],
        env=environment(tmp_path, SLURM_JOB_NUM_NODES="1"),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
    ) as job:
        assert job.stdout is not None
        assert job.stdout.readline() == "searching\n"
        job.terminate()
        assert job.stdout.readline() == "interrupted in order\n"
        assert job.wait(timeout=30) == 130


def test_two_slurm_jobs_on_one_node_wait_for_their_own_heads(tmp_path: Path) -> None:
    write_programs(PROGRAMS, tmp_path)
    jobs = [
        subprocess.Popen(
            ["bash", SLURM, "run", "quick"],
            env=environment(tmp_path, SLURM_JOB_NUM_NODES="1"),
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    told = [job.communicate(timeout=90) for job in jobs]
    assert [job.returncode for job in jobs] == [0, 0], told
    assert all(re.fullmatch(r"run at \d+\n", out) for out, _ in told), told
    assert told[0] != told[1]
