"""A Python that has dottune's dependencies and nothing of dottune."""

import sysconfig
import venv
from pathlib import Path


def bare_python(folder: Path, *, without: tuple[str, ...] = ()) -> Path:
    """Make the environment in `folder`; return its python.

    Everything that is installed here is linked but dottune, its metadata and its `.pth` among them,
    and what begins with a name in `without`.
    """
    venv.create(folder, symlinks=True, with_pip=False)
    variables = {"base": str(folder), "platbase": str(folder)}
    linked = Path(sysconfig.get_path("purelib", vars=variables))
    for installed in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        for entry in Path(installed).iterdir():
            if "dottune" not in entry.name and not entry.name.startswith(without):
                (linked / entry.name).symlink_to(entry)
    return folder / "bin" / "python"
