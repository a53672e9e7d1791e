"""Loading a spec: from a preset, a YAML file or plain data, with overrides."""

import os
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from .faults import SpecError, did_you_mean, faults_of, show
from .spec import KNOWN_KEYS, Spec
from .yaml_text import read_yaml

_LARGEST_FILE_BYTES = 1_000_000


def preset_names() -> tuple[str, ...]:
    """Return the names of the presets, sorted."""
    folder = resources.files(__package__) / "presets"
    names = (entry.name for entry in folder.iterdir())
    return tuple(sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml")))


def preset_text(name: str) -> str:
    """Return a preset's YAML, its header included.

    Raises:
        SpecError: if there is no preset of this name; names the nearest.
    """
    if name not in preset_names():
        hint = did_you_mean(name, preset_names())
        presets = f"the presets are {', '.join(preset_names())}"
        next_step = f"{hint} {presets}; the path of a file ends in .yaml".strip()
        raise SpecError([f"no preset has the name {show(name)}; {next_step}"])
    return (resources.files(__package__) / "presets" / f"{name}.yaml").read_text(encoding="utf-8")


def load_spec(
    source: str | Path | Mapping[str, Any] | Spec,
    overrides: Sequence[str] = (),
    name: str | None = None,
) -> Spec:
    """Return the spec in `source`, changed by `overrides` and `name`.

    Args:
        source: a preset's name, the path of a YAML file, plain data, or a spec. Text is a path
            where it ends in .yaml or .yml, holds a path separator or names a file that exists.
        overrides: such as "budget.trials=16", the value in YAML. null for an entry of grid, space
            or fixed drops the entry, so that it can stand elsewhere; for seed too.
        name: the search's name, in place of the one in `source`.

    Raises:
        SpecError: with every fault found.
    """
    if isinstance(source, Spec) and not overrides and name is None:
        return source
    data = _read(source)
    faults = [fault for override in overrides for fault in _apply(override, data)]
    if name is not None:
        data["name"] = name
    try:
        spec = Spec.model_validate(data)
    except ValidationError as error:
        faults += map(str, faults_of(error, KNOWN_KEYS))
    if faults:
        raise SpecError(faults)
    return spec


def _read(source: str | Path | Mapping[str, Any] | Spec) -> dict[str, Any]:
    """Return the source as nested dicts of our own, safe to change two levels deep."""
    data: Any = source
    where = "the spec"
    if isinstance(source, Spec):
        data = source.to_mapping()
    elif isinstance(source, str) and not _is_path(source):
        data = read_yaml(preset_text(source), source=f"preset {source}")
    elif isinstance(source, str | Path):
        where = str(source)
        data = read_yaml(_file_text(Path(source)), source=where)
    if not isinstance(data, Mapping):
        got = "nothing (it is empty)" if data is None else show(data)
        rule = "must be a mapping (key: value) of name, grid, space, ..."
        raise SpecError([f"{where}: {rule}; got {got}; dottune presets quick prints an example"])
    return {key: dict(part) if isinstance(part, Mapping) else part for key, part in data.items()}


def _is_path(source: str) -> bool:
    separators = (os.sep, os.altsep) if os.altsep else (os.sep,)
    return (
        source.endswith((".yaml", ".yml"))
        or any(separator in source for separator in separators)
        or os.path.isfile(source)
    )


def _file_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        hint = f"; the preset is called {path.stem}" if path.stem in preset_names() else ""
        raise SpecError([f"{path}: can't be read: {reason}{hint}"]) from None
    if len(content) > _LARGEST_FILE_BYTES:
        raise SpecError([f"{path}: larger than {_LARGEST_FILE_BYTES} bytes, so not a spec"])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SpecError([f"{path}, line {line}: not UTF-8 text; a spec is a YAML file"]) from None


def _apply(override: str, data: dict[str, Any]) -> list[str]:
    """Change `data` by one override and return the faults of the override itself.

    An unknown key is set too: the validation reports it with the nearest name.
    """
    where = f"--set {override}"
    key, equals, text = override.partition("=")
    *outer, last = key.strip().split(".")
    if not equals or not last or not all(outer):
        return [f"{where}: must be KEY=VALUE, such as budget.trials=16"]
    try:
        value = read_yaml(text, source=where)
    except SpecError as error:
        return list(error.faults)
    part = data
    for name in outer:
        inner = part.get(name)
        part[name] = {} if inner is None else inner
        if not isinstance(part[name], Mapping):
            return [f"{where}: {name} is no section; got {show(part[name])} there"]
        part[name] = dict(part[name])
        part = part[name]
    if value is None and not outer and last == "seed":
        part.pop(last, None)
    elif value is None and len(outer) == 1 and outer[0] in ("grid", "space", "fixed"):
        if last not in part:
            hint = did_you_mean(last, tuple(map(str, part)))
            return [f"{where}: {outer[0]} has no {last} to drop; {hint}".removesuffix("; ")]
        del part[last]
    else:
        part[last] = value
    return []
