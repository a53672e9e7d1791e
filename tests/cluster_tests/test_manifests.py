"""The files that start a cluster, each held against what will read it."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import ray
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config

from cluster.jobs import STOP_ENVIRONMENT

PROJECT = Path(__file__).parents[2]
MANIFESTS = PROJECT / "cluster" / "manifests"


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


def test_a_ray_job_stops_gracefully() -> None:
    environment = yaml.safe_load(manifest("rayjob.yaml")["spec"]["runtimeEnvYAML"])
    assert environment == {"env_vars": STOP_ENVIRONMENT}


def test_rays_own_validator_accepts_the_launcher_file() -> None:
    config = manifest("aws.yaml")
    validate_config(prepare_config(config))
    for command in (config["head_start_ray_commands"], config["worker_start_ray_commands"]):
        assert "RAY_AUTH_MODE=token ray start" in command[-1]
    assert "/home/ray/.ray/auth_token" in config["file_mounts"]


def test_the_slurm_script_parses() -> None:
    subprocess.run(["bash", "-n", MANIFESTS / "slurm.sh"], check=True)


def test_a_dry_run_of_the_slurm_script_shows_its_commands(tmp_path: Path) -> None:
    ended = subprocess.run(
        ["bash", MANIFESTS / "slurm.sh", "--dry-run", "run", "quick", "--out", "/data/my runs"],
        env={
            **os.environ,
            "HOME": str(tmp_path),
            "SLURM_JOB_NUM_NODES": "4",
            "SLURM_CPUS_ON_NODE": "16",
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    head = re.search(r"--nodelist=(\S+) ray start --head --block --port=6379", ended.stdout)
    assert head is not None, ended.stdout
    assert re.search(r"srun .*--nodes=3 .*ray start --block --address=", ended.stdout)
    assert ended.stdout.count("--num-cpus=16") == 2
    run = rf"dottune run quick --out /data/my\\ runs --address {head[1]}:6379"
    assert re.search(run, ended.stdout)
    assert list(tmp_path.iterdir()) == []
