"""What a cluster refuses, and what is refused before it is asked: one clear message each."""

import re
from pathlib import Path

import pytest

from tests.cluster_tests.two_nodes import TwoNodes, free_port

OUT = ("--out", "s3://bucket/refused", "--image-has-deps")


def refusal(two_nodes: TwoNodes, *arguments: str, code: int, **environment: str) -> str:
    ended = two_nodes.dottune(*arguments, **environment)
    assert ended.returncode == code, ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr
    error = re.search("^error: .*", ended.stderr, re.MULTILINE)
    assert error is not None, ended.stderr
    return error[0]


@pytest.mark.parametrize("command", [("jobs",), ("submit", "smoke", *OUT), ("logs", "some-id")])
def test_a_wrong_token(two_nodes: TwoNodes, tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "token").write_text("not-the-token")
    wrong = {"RAY_AUTH_TOKEN_PATH": str(tmp_path / "token")}
    message = refusal(two_nodes, *command, "--address", two_nodes.address, code=1, **wrong)
    assert "refuses the token; give the cluster's token in RAY_AUTH_TOKEN" in message
    assert "not-the-token" not in message


def test_no_token(two_nodes: TwoNodes, tmp_path: Path) -> None:
    none = {"RAY_AUTH_TOKEN_PATH": "", "HOME": str(tmp_path)}
    message = refusal(two_nodes, "jobs", "--address", two_nodes.address, code=1, **none)
    assert "wants a token; give the cluster's token in RAY_AUTH_TOKEN" in message


def test_nobody_at_the_address(two_nodes: TwoNodes) -> None:
    address = f"http://127.0.0.1:{free_port()}"
    message = refusal(two_nodes, "jobs", "--address", address, code=1)
    assert f"the cluster at {address} can't be used" in message
    assert "check the address" in message
    out = ("--out", "/tmp/never-made", "--address", address.removeprefix("http://"))
    message = refusal(two_nodes, "run", "smoke", *out, code=1)
    assert "Ray can't be reached at 127.0.0.1" in message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("jobs",), "the address of a cluster's dashboard is needed; got none; give --address"),
        (("jobs", "--address", "HEAD:6379"), "must begin with http:// or https://; got HEAD:6379"),
        (("submit", "smoke"), "a submitted search needs an output folder; give --out s3://"),
        (("submit", "smoke", "--out", "runs/x"), "a local path names another folder on every ma"),
        (("submit", "--out", "s3://bucket/x"), "SPEC is missing; name a preset or a YAML file"),
        (("submit", "smok", "--out", "s3://bucket/x"), "did you mean smoke"),
        (("submit", "smoke", "--resume", "--out", "s3://bucket/x"), "--resume takes the spec from"),
        (("run", "smoke", "--address", "http://HEAD:8265"), "must be HOST:PORT of the cluster"),
        (("run", "smoke", "--address", "HEAD"), "must be HOST:PORT, or auto; got HEAD"),
    ],
)
def test_wrong_input(two_nodes: TwoNodes, arguments: tuple[str, ...], message: str) -> None:
    assert message in refusal(two_nodes, *arguments, code=2)


def test_an_impossible_request_and_an_unknown_job(two_nodes: TwoNodes) -> None:
    at = ("--address", two_nodes.address)
    message = refusal(two_nodes, "submit", "smoke", *OUT, *at, "--set", "resources.gpus=2", code=2)
    assert "a worker needs 1 CPU and 2 GPUs on one node, and no node has that" in message
    assert "the cluster has 2 nodes of 2 CPUs and 1 GPU" in message
    large = ("--set", "resources.gpus=0", "--set", "fixed.batch_size=1000000000000")
    message = refusal(two_nodes, "submit", "smoke", *OUT, *at, *large, code=2)
    assert "memory: a pack must fit into the memory of one node" in message
    assert "lower fixed.batch_size to at most " in message
    message = refusal(two_nodes, "status", "nobody", *at, code=2)
    assert f"no job of dottune has the id nobody on {two_nodes.address}; it has: " in message


def test_doctor_finds_a_healthy_cluster_and_a_sick_one(two_nodes: TwoNodes, tmp_path: Path) -> None:
    healthy = two_nodes.done("doctor", "--address", two_nodes.address, "--out", str(tmp_path / "o"))
    for line in (
        r"ok +ray +2\.60",
        r"ok +packages +all five are dottune's",
        r"ok +kernels .* vector registers of \d+ bits, compiled in \d",
        r"ok +token +taken from RAY_AUTH_TOKEN_PATH",
        r"ok +cluster +2 nodes of 2 CPUs and 1 GPU",
        r"ok +output folder .* can be written",
    ):
        assert re.search(line, healthy), line
    (tmp_path / "file").touch()
    sick = two_nodes.dottune(
        *("doctor", "--address", two_nodes.address, "--out", str(tmp_path / "file" / "o")),
        RAY_AUTH_TOKEN="not-the-token",
    )
    assert sick.returncode == 1
    assert re.search("WRONG cluster .* refuses the token", sick.stdout)
    assert re.search("WRONG output folder .* must be writable", sick.stdout)
    assert "not-the-token" not in sick.stdout + sick.stderr
