"""The README's commands, run as written but for the preset: smoke in place of quick."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
README = (PROJECT / "README.md").read_text(encoding="utf-8")
ELSEWHERE = {"From laptop to cluster", "Watch"}
"""Sections whose commands need a cluster or a server: their own tests run them."""


def blocks() -> list[tuple[str, str]]:
    """The (language, text) of each block that can run here, in the README's order."""
    found = []
    for section in README.split("\n## ")[1:]:
        title, _, body = section.partition("\n")
        if title not in ELSEWHERE:
            found += re.findall(r"^```(bash|python)\n(.*?)^```$", body, re.DOTALL | re.MULTILINE)
    return found


def test_every_command_of_the_readme_works(tmp_path: Path) -> None:
    scripts = Path(sys.executable).parent
    environment = os.environ | {"PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"}
    assert len(blocks()) >= 6
    for language, text in blocks():
        program = ["bash", "-euc"] if language == "bash" else ["python", "-c"]
        ran = subprocess.run(
            [*program, re.sub(r"\bquick\b", "smoke", text)],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert ran.returncode == 0, f"{text}\n{ran.stdout}\n{ran.stderr}"
        assert ran.stdout


def test_the_readme_names_every_folder_and_every_link_leads_somewhere() -> None:
    for folder in ("spaces", "search", "trainables", "results", "cluster", "tests", "docs"):
        assert re.search(rf"^{folder}/ ", README, re.MULTILINE), folder
        assert (PROJECT / folder).is_dir()
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    assert links
    for link in links:
        assert (PROJECT / link.partition("#")[0]).exists(), link


@pytest.mark.parametrize("target", re.findall(r"^make (\w+)", README, re.MULTILINE))
def test_the_makefile_has_the_targets(target: str) -> None:
    assert re.search(rf"^{target}:", (PROJECT / "Makefile").read_text(), re.MULTILINE)
