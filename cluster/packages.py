"""What a cluster needs to run a search: the five packages, and what they depend on."""

import importlib.metadata
import importlib.util
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

from .requirements import REQUIREMENTS

PACKAGES = ("cluster", "results", "search", "spaces", "trainables")
PROVIDED_BY_THE_CLUSTER = "ray"
"""Never installed into a job: it would run beside the Ray that the job runs on."""


def package_folders() -> list[str]:
    """The folders of the five packages, for Ray's py_modules."""
    return [str(package_folder(package)) for package in PACKAGES]


def package_folder(package: str) -> Path | None:
    """The folder that `import package` finds in this process; None if it finds none."""
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        return None
    return Path(found.origin).resolve().parent


def shadowed_packages() -> dict[str, Path | None]:
    """The packages that don't lie beside this one, and where they are found."""
    home = Path(__file__).resolve().parents[1]
    found = {package: package_folder(package) for package in PACKAGES}
    return {name: folder for name, folder in found.items() if folder != home / name}


def dependencies() -> dict[str, Requirement]:
    """What the project needs at run time, by name, with the versions that it accepts."""
    return {each.name: each for each in map(Requirement, REQUIREMENTS)}


def pinned_dependencies() -> list[str]:
    """The dependencies in the versions that are installed here, for Ray's pip; without Ray."""
    return [
        f"{name}=={Version(importlib.metadata.version(name)).public}"
        for name in sorted(dependencies())
        if name != PROVIDED_BY_THE_CLUSTER
    ]
