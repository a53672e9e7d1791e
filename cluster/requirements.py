"""What the five packages need at run time; imports nothing but the standard library.

`pyproject.toml` says the same, and a test holds the two together. A cluster gets the packages
without the metadata of an installation, and must be able to say what its Python lacks.
"""

import importlib.metadata
import re

# Of Optuna, Ray, TensorBoard and torch private parts are used: no other versions than those tested.
REQUIREMENTS = (
    "llvmlite>=0.47",
    "matplotlib>=3.9",
    "mpmath>=1.3",
    "numpy>=2.0",
    "optuna>=5.0,<5.1",
    "packaging>=24",
    "pandas>=2.2",
    "plotly>=6.0",
    "pyarrow>=17.0",
    "pydantic>=2.13,<3",
    "PyYAML>=6.0",
    "ray[default,tune]>=2.60,<2.61",
    "rich>=14.2",
    "scipy>=1.15",
    "tensorboard>=2.21,<2.22",
    "torch>=2.13,<2.14",
    "typer>=0.16",
)


def installed_version(name: str) -> str | None:
    """The version of a distribution in this Python; None if it is not installed."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def requirement_names() -> list[str]:
    """The names of the distributions that are needed."""
    return [re.split(r"[\[<>=!~ ]", requirement)[0] for requirement in REQUIREMENTS]


def missing_requirements() -> list[str]:
    """The names of what this Python lacks."""
    return [name for name in requirement_names() if installed_version(name) is None]
