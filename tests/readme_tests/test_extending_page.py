"""docs/extending.md: its package is installed, and its search run, as a user would."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from results import OutputFolder
from results.rows import trials_of

PAGE = (Path(__file__).parents[2] / "docs" / "extending.md").read_text()
BLOCKS = {
    language: re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    for language in ("toml", "python", "yaml")
}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """One in which the page's package is installed: its module, and what says what it adds."""
    site = tmp_path_factory.mktemp("site")
    project = tomllib.loads(BLOCKS["toml"][0])["project"]
    metadata = site / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    (metadata / "entry_points.txt").write_text(
        "\n".join(
            f"[{group}]\n" + "\n".join(f"{name} = {where}" for name, where in entries.items())
            for group, entries in project["entry-points"].items()
        )
    )
    (site / "my_questions.py").write_text(BLOCKS["python"][0])
    path = os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    return os.environ | {"PYTHONPATH": path}


def dottune(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "search", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_what_a_package_adds_is_searched_over_and_trained_again(
    environment: dict[str, str], tmp_path: Path
) -> None:
    spec = tmp_path / "distances.yaml"
    spec.write_text(BLOCKS["yaml"][0])
    out = str(tmp_path / "out")
    ran = dottune(environment, "run", str(spec), "--out", out)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    rows = trials_of(OutputFolder(out).read_trials())
    assert {row.pack for row in rows if row.phase == "search"} == {0, 1}  # one from the results
    # Of entries of variance 1 and correlation r: Var(a . b) = D (1 + r^2), and a - b has entries of
    # variance 2 (1 - r), so that Var(|a - b|^2) = D * 8 (1 - r)^2.
    expected = {
        ("dot", "stream"): 2.0,
        ("dot", "correlated"): 2.5,
        ("distance", "stream"): 16.0,
        ("distance", "correlated"): 4.0,
    }
    assert {(row.task["target"], row.task["data"]) for row in rows} == set(expected)
    for row in rows:
        assert row.nmse is not None
        assert row.loss is not None
        variance = expected[str(row.task["target"]), str(row.task["data"])]
        assert row.loss / row.nmse == pytest.approx(variance, rel=0.1)
        if row.task["target"] == "distance":
            assert row.constructed_nmse is None
    of_row = ("--study", "dimension=2,target=distance,data=correlated", "--trial", "0")
    again = dottune(environment, "reproduce", out, *of_row, "--to", str(tmp_path / "network.pt"))
    assert re.search(r"kernels +\S+: the same, to the last bit", again.stdout), again.stderr
    script = dottune(environment, "reproduce", out, *of_row, "--script")
    assert script.returncode == 2
    assert "can have the target dot, cosine; got distance" in script.stderr
    # Without the package the folder's spec asks for what nobody knows.
    lacking = dottune({**os.environ}, "resume", out)
    assert lacking.returncode == 2
    assert (
        'must be one of stream, fixed, pool, planted, modes, table; got "correlated"'
        in lacking.stderr
    )


def test_each_addition_is_under_40_lines() -> None:
    tree = ast.parse(BLOCKS["python"][0])
    added = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    assert {node.name for node in added} == {"distance", "Correlated", "independent_tpe"}
    assert all((node.end_lineno or 0) - node.lineno < 40 for node in added)
