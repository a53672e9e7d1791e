"""What travels with a job: the five packages, and the versions of what they need."""

import importlib.metadata
import sys
import tomllib
from pathlib import Path

import pytest

from cluster.jobs import entry_point
from cluster.packages import package_folders, pinned_dependencies, shadowed_packages
from cluster.requirements import REQUIREMENTS, missing_requirements

PROJECT = Path(__file__).parents[2]


def test_the_five_packages_are_this_project_s() -> None:
    names = ["cluster", "results", "search", "spaces", "trainables"]
    assert package_folders() == [str(PROJECT / name) for name in names]
    assert shadowed_packages() == {}


def test_a_package_of_the_same_name_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "results", raising=False)
    assert shadowed_packages() == {"results": tmp_path / "results"}


def test_dependencies_are_pinned_to_what_is_installed_and_ray_is_left_out() -> None:
    pins = dict(pin.split("==") for pin in pinned_dependencies())
    assert {"torch", "optuna", "pyarrow", "pydantic"} <= pins.keys()
    assert "ray" not in pins
    assert "pytest" not in pins
    for name, version in pins.items():
        assert importlib.metadata.version(name).split("+")[0] == version


def test_what_travels_says_the_same_as_the_project_s_metadata() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    assert list(REQUIREMENTS) == project["dependencies"]
    assert missing_requirements() == []


def test_names_are_quoted_for_the_shell_that_ray_starts() -> None:
    line = entry_point(["run", "spec.yaml", "--out", "s3://bucket/a b; rm -rf $HOME"])
    assert line == "exec python -m search run spec.yaml --out 's3://bucket/a b; rm -rf $HOME'"
