"""What a cluster refuses, and what is refused before it is asked: one clear message each."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.cluster_tests.two_nodes import TwoNodes, free_port
from tests.search_tests.command_line import dottune

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


def test_the_port_of_the_cluster_in_place_of_its_dashboard_s(two_nodes: TwoNodes) -> None:
    address = f"http://127.0.0.1:{two_nodes.port}"
    message = refusal(two_nodes, "jobs", "--address", address, code=1)
    assert f"what answers at {address} is no dashboard; give the dashboard's address" in message


def test_a_token_with_a_comment_is_not_printed(two_nodes: TwoNodes) -> None:
    token = f"{two_nodes.token}\n# of the cluster"
    for command in (("jobs",), ("submit", "smoke", *OUT)):
        at = ("--address", two_nodes.address)
        ended = two_nodes.dottune(*command, *at, RAY_AUTH_TOKEN=token)
        assert ended.returncode == 2
        assert "RAY_AUTH_TOKEN holds several words or lines" in ended.stderr
        assert two_nodes.token not in ended.stdout + ended.stderr


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
        (("jobs", "--address", "http://127.0.0.1:abc"), "with a number below 65536 as its port"),
        (("run", "smoke", "--address", "HEAD"), "must be HOST:PORT, or auto; got HEAD"),
    ],
)
def test_wrong_input(
    monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], message: str
) -> None:
    for name in ("RAY_ADDRESS", "RAY_API_SERVER_ADDRESS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    ended = dottune(*arguments)
    assert ended.exit_code == 2
    assert message in ended.stderr


def test_an_impossible_request(two_nodes: TwoNodes) -> None:
    at = ("--address", two_nodes.address)
    message = refusal(two_nodes, "submit", "smoke", *OUT, *at, "--set", "resources.gpus=2", code=2)
    assert "a worker needs 1 CPU and 2 GPUs on one node, and no node has that" in message
    assert "the cluster has 2 nodes of 2 CPUs and 1 GPU" in message
    large = ("--set", "resources.gpus=0", "--set", "fixed.batch_size=1000000000000")
    message = refusal(two_nodes, "submit", "smoke", *OUT, *at, *large, code=2)
    assert "memory: a pack must fit into the memory of one node" in message
    assert "lower fixed.batch_size to at most " in message


def test_doctor_finds_a_healthy_cluster_and_a_sick_one(two_nodes: TwoNodes, tmp_path: Path) -> None:
    healthy = two_nodes.done("doctor", "--address", two_nodes.address, "--out", str(tmp_path / "o"))
    for line in (
        r"ok +ray +2\.60",
        r"ok +packages +all five are dottune's",
        r"ok +kernels .* vector registers of \d+ bits, compiled in \d",
        r"ok +token +taken from RAY_AUTH_TOKEN_PATH",
        r"ok +cluster +2 nodes of 2 CPUs and 1 GPU",
        r"ok +head node +it is alive",
        r"ok +node +\S+: jobs run \S+/environment/bin/python, Python 3\.",
        r"ok +node's packages .*optuna \d.* torch \d",
        r"ok +output folder +from the node \S+: .* can be written",
        r"ok +output folder +from here: .* can be written",
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


def test_doctor_tries_a_store_with_the_node_s_credentials(
    two_nodes: TwoNodes, object_store: dict[str, str]
) -> None:
    here = {name: "http://127.0.0.1:9" if "URL" in name else "mine" for name in object_store}
    at = ("--address", two_nodes.address)
    looked = two_nodes.dottune("doctor", *at, "--out", "s3://bucket/doctor", **here)
    assert re.search("ok +output folder +from the node .* can be written", looked.stdout)
    assert re.search("WRONG output folder +from here: .* must be writable", looked.stdout)
    assert looked.returncode == 1
    looked = two_nodes.dottune("doctor", *at, "--out", "s3://no-such-bucket/x", **object_store)
    assert re.search("WRONG output folder +from the node .* must be writable", looked.stdout)
    assert "doctor-" not in two_nodes.done("jobs", *at), "it is no search"


def test_a_reader_that_has_seen_enough_and_an_unknown_job(two_nodes: TwoNodes) -> None:
    """`dottune logs ID --follow | head -1`: its pipe breaks, which is no trouble of the cluster."""
    at = ("--address", two_nodes.address)
    id = two_nodes.done("submit", "smoke", *OUT, *at).strip()
    follower = two_nodes.start_dottune(
        *("logs", id, "--follow", *at), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert follower.stdout is not None
    assert follower.stderr is not None
    assert follower.stdout.readline()
    follower.stdout.close()
    with follower.stderr:
        said = follower.stderr.read()
    assert [line for line in said.splitlines() if "PENDING" not in line] == []
    assert follower.wait(timeout=120) == 0

    message = refusal(two_nodes, "status", "nobody", *at, code=2)
    assert f"no job of dottune has the id nobody on {two_nodes.address}; it has: " in message
    message = refusal(two_nodes, "status", f"{id[:-1]}x", *at, code=2)
    assert f"did you mean {id}? it has: " in message
