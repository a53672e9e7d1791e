"""The five folders have everyday names: hold them against shadowing and against ignore patterns."""

import importlib.metadata
import importlib.util
import shutil
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
PACKAGES = ["cluster", "results", "search", "spaces", "trainables"]


@pytest.mark.parametrize("package", PACKAGES)
def test_each_package_is_this_projects(package: str) -> None:
    spec = importlib.util.find_spec(package)
    assert spec is not None, f"{package} is not installed; run make test"
    assert spec.origin is not None, f"{package} has no __init__.py"
    assert Path(spec.origin).resolve() == PROJECT / package / "__init__.py"


@pytest.mark.parametrize("package", PACKAGES)
def test_no_other_distribution_brings_a_package_of_that_name(package: str) -> None:
    owners = importlib.metadata.packages_distributions().get(package, [])
    assert set(owners) <= {"dottune"}


@pytest.mark.parametrize("package", PACKAGES)
def test_each_package_says_that_it_is_typed(package: str) -> None:
    assert (PROJECT / package / "py.typed").is_file()


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
@pytest.mark.skipif(not (PROJECT / ".git").exists(), reason="needs a git checkout")
@pytest.mark.parametrize("package", PACKAGES)
def test_no_ignore_pattern_hides_a_file_of_the_packages(package: str) -> None:
    files = [
        path
        for path in (PROJECT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    ]
    likely = [PROJECT / package / "new_module.py", PROJECT / package / "runs" / "new_module.py"]
    checked = subprocess.run(
        ["git", "check-ignore", "--no-index", "--stdin"],
        cwd=PROJECT,
        input="\n".join(str(path) for path in files + likely),
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 1, f"ignored by .gitignore: {checked.stdout}{checked.stderr}"
