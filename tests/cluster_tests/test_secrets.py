"""A secret key and a token are found nowhere: in no answer of the dashboard, in no file of Ray."""

import re
from pathlib import Path

from tests.cluster_tests.conftest import SECRET
from tests.cluster_tests.two_nodes import TwoNodes, poll

LONG = """
name: secretive
grid: {dimension: [1, 2]}
space: {learning_rate: {low: 1.0e-3, high: 1.0e-1, log: true}}
fixed: {depth: 2, width: 16, steps: 400000}
budget: {trials: 8, pack_size: 4}
resources: {gpus: 0}
tensorboard: "off"
"""
PLANTED = {
    "AWS_ACCESS_KEY_ID": "planted-access-key",
    "AWS_SECRET_ACCESS_KEY": "planted-secret-key",
    "AWS_SECURITY_TOKEN": "planted-security-token",
    "AWS_SESSION_TOKEN": "planted-session-token",
}
"""A laptop's own credentials; those of the nodes are in their environment."""

TOLD_IN = ("/api/v0/tasks?", "/api/v0/actors?", "runtime_envs?", "runtime_env_agent.log")
"""Where the environment that does travel to a job's workers is shown, some of it a moment late."""


def test_no_secret_is_shown_or_written(two_nodes: TwoNodes, tmp_path: Path) -> None:
    """Both ways to start a search: as a job, and from a driver outside of the cluster."""
    spec = tmp_path / "secretive.yaml"
    spec.write_text(LONG)
    out = ("--set", 'tensorboard="off"', "--out")
    submit = ("submit", str(spec), *out, "s3://bucket/secretive", "--image-has-deps")
    submitted = two_nodes.dottune(*submit, "--address", two_nodes.address, **PLANTED)
    assert submitted.returncode == 0, submitted.stderr
    id = submitted.stdout.strip()
    poll(two_nodes.workers, "the job's workers")
    # What does travel is told in each of these, so that a secret would be, too.
    poll(lambda: told(two_nodes, "RAY_JOB_STOP_SIGNAL"), f"the job's environment in {TOLD_IN}")
    found = secrets_found(two_nodes)
    two_nodes.done("stop", id, "--address", two_nodes.address)
    poll(lambda: not two_nodes.workers(), "the workers' end")

    head = f"127.0.0.1:{two_nodes.port}"
    run = ("run", str(spec), *out, str(tmp_path / "run"), "--address", head)
    driver = two_nodes.start_dottune(*run, environment=PLANTED)
    try:
        poll(two_nodes.workers, "the driver's workers")
        found |= secrets_found(two_nodes)
    finally:
        driver.terminate()
        assert driver.wait(timeout=60) == 130
    assert found == {}


def told(two_nodes: TwoNodes, variable: str) -> bool:
    """Whether each of `TOLD_IN` tells of `variable`."""
    texts = everything_told(two_nodes)
    return all(
        any(variable.encode() in text for name, text in texts.items() if source in name)
        for source in TOLD_IN
    )


def secrets_found(two_nodes: TwoNodes) -> dict[str, str]:
    """Where one of them stands now, and which."""
    secrets = {SECRET, two_nodes.token, *PLANTED.values()}
    pattern = re.compile("|".join(map(re.escape, secrets)).encode())
    matches = {name: pattern.search(text) for name, text in everything_told(two_nodes).items()}
    return {name: match[0].decode() for name, match in matches.items() if match}


def everything_told(two_nodes: TwoNodes) -> dict[str, bytes]:
    """What the dashboard answers and what Ray's files hold, by path."""
    return two_nodes.dashboard_answers() | two_nodes.session_files()
