"""Bad input through the command line: the message, exit code 2, and an untouched folder."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet as pq
import pytest
import yaml

from results.parts import part_name
from tests.search_tests.command_line import dottune
from tests.search_tests.studies import TINY, tiny, written

SPECS: dict[str, tuple[Any, str]] = {
    "no mapping": ("- a\n- b\n", "must be a mapping"),
    "not YAML": ("grid: {dimension: [1, 2\n", "YAML"),
    "a tab": ("grid:\n\tdimension: [1]\n", "YAML"),
    "nothing": ("", "must be a mapping"),
    "a key twice": ("name: a\nname: b\n", "twice"),
    "a tag": ("name: !!python/object/apply:os.system [true]\n", "YAML"),
    "an octal number": ("seed: 010\n", "010"),
    "an unknown key": ({"grids": {}}, r"grids.*did you mean grid"),
    "an unknown hyperparameter": ({"fixed": {"learning_rat": 0.1}}, "did you mean learning_rate"),
    "a name with a space": ({"name": "a b"}, r"name.*a b"),
    "a negative seed": ({"seed": -1}, r"seed.*-1"),
    "a boolean seed": ({"seed": True}, r"seed.*true"),
    "dimension in the space": ({"space": {"dimension": {"low": 1, "high": 2}}}, "dimension"),
    "one name twice": (
        {"grid": {"dimension": [1], "depth": [1]}, "space": {"depth": {"low": 0, "high": 1}}},
        "depth",
    ),
    "an empty grid value": ({"grid": {"dimension": []}}, "dimension"),
    "a grid value twice": ({"grid": {"dimension": [1, 1]}}, "dimension"),
    "a dimension of 0": ({"grid": {"dimension": [0]}}, r"dimension.*0"),
    "half a dimension": ({"grid": {"dimension": [1.5]}}, r"dimension.*1\.5"),
    "low above high": ({"space": {"width": {"low": 8, "high": 4}}}, "low must not exceed high"),
    "a log range from 0": (
        {"space": {"learning_rate": {"low": 0.0, "high": 1.0, "log": True}}},
        "a log range must begin above 0",
    ),
    "a list for a range": ({"space": {"width": [4, 8]}}, r"choices: \[first, second\]"),
    "no choices": ({"space": {"activation": {"choices": []}}}, "activation"),
    "an unknown choice": ({"fixed": {"activation": "rellu"}}, "did you mean relu"),
    "an unknown target": ({"task": {"target": "dott"}}, "did you mean dot"),
    "an unknown source": ({"task": {"data": "strem"}}, "stream"),
    "infinity": ({"task": {"scale": float("inf")}}, "scale"),
    "no number": ({"fixed": {"learning_rate": float("nan")}}, "learning_rate"),
    "no trials": ({"budget": {"trials": 0}}, r"trials.*0"),
    "a pack of 0": ({"budget": {"pack_size": 0}}, r"pack_size.*0"),
    "a time in words": ({"budget": {"time": "soon"}}, r"time.*soon"),
    "an unknown sampler": ({"sampler": "tpee"}, "did you mean tpe"),
    "no steps": ({"fixed": {"steps": 0}}, r"steps.*0"),
    "no replicates": ({"confirm": {"replicates": 0}}, r"replicates.*0"),
    "a factor of 0": ({"confirm": {"steps_factors": [0]}}, "steps_factors"),
    "negative CPUs": ({"resources": {"cpus": -1}}, r"cpus.*-1"),
    "an unknown view": ({"tensorboard": "some"}, r"tensorboard.*some"),
}


@pytest.mark.parametrize("case", SPECS)
@pytest.mark.parametrize("command", ["run", "plan"])
def test_a_malformed_spec_is_refused_and_nothing_is_written(
    command: str, case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    content, message = SPECS[case]
    text = content if isinstance(content, str) else yaml.safe_dump(_changed(content))
    Path("bad.yaml").write_text(text)
    more = ["--out", "out"] if command == "run" else []
    refused = dottune(command, "bad.yaml", *more)
    expect_refusal(refused.exit_code, refused.output, message)
    assert [path.name for path in tmp_path.iterdir()] == ["bad.yaml"]


def _changed(changes: dict[str, Any]) -> dict[str, Any]:
    """The tiny spec, with other values in its sections; what they replace goes elsewhere."""
    spec = {name: dict(each) if isinstance(each, dict) else each for name, each in TINY.items()}
    for name, value in changes.items():
        merged = isinstance(value, dict) and name in ("fixed", "budget", "confirm")
        spec[name] = {**spec.get(name, {}), **value} if merged else value
        if name == "fixed":
            spec["space"] = {key: each for key, each in spec["space"].items() if key not in value}
    return spec


def expect_refusal(exit_code: int, output: str, message: str) -> None:
    plain = " ".join(output.split())
    assert exit_code == 2, output
    assert re.search(message, plain), output
    assert "Traceback" not in output
    assert re.search("error:", plain), output


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("finished") / "out", tiny(tensorboard="off"))


def without_spec(out: Path) -> None:
    (out / "spec.yaml").unlink()


def spec_cut_off(out: Path) -> None:
    path = out / "spec.yaml"
    path.write_text(path.read_text()[:40])


def spec_of_another_language(out: Path) -> None:
    (out / "spec.yaml").write_bytes(b"\xff\xfe\x00name")


def record_cut_off(out: Path) -> None:
    path = out / "provenance.json"
    path.write_text(path.read_text()[:-20])


def record_of_nothing(out: Path) -> None:
    (out / "provenance.json").write_text("[]")


def record_with_infinity(out: Path) -> None:
    found = json.loads((out / "provenance.json").read_text())
    found["executions"][0]["spec"] = float("inf")
    (out / "provenance.json").write_text(json.dumps(found))


def _part(out: Path) -> Path:
    return out / "trials" / part_name("dimension=2", "search", 1)


def another_file(out: Path) -> None:
    (out / "trials" / "mine.csv").write_text("a,b\n")


def a_folder_within(out: Path) -> None:
    (out / "trials" / "mine").mkdir()


def later_version(out: Path) -> None:
    table = pq.read_table(_part(out))
    pq.write_table(table.replace_schema_metadata({"schema_version": "99"}), _part(out))


def no_version(out: Path) -> None:
    pq.write_table(pq.read_table(_part(out)).replace_schema_metadata({}), _part(out))


def without_a_column(out: Path) -> None:
    pq.write_table(pq.read_table(_part(out)).drop_columns(["nmse"]), _part(out))


def of_another_type(out: Path) -> None:
    table = pq.read_table(_part(out))
    place = table.schema.get_field_index("width")
    words = pyarrow.chunked_array([["wide"] * table.num_rows])
    pq.write_table(table.set_column(place, "width", words), _part(out))


def of_another_search(out: Path) -> None:
    table = pq.read_table(_part(out))
    place, field = table.schema.get_field_index("search"), table.schema.field("search")
    names = pyarrow.chunked_array([["another"] * table.num_rows])
    pq.write_table(table.set_column(place, field, names), _part(out))


READERS = (("show", "--best", "1"), ("report",), ("resume",))
FOLDERS: dict[Callable[[Path], None], tuple[tuple[tuple[str, ...], ...], str]] = {
    without_spec: ((("show",), ("report",), ("resume",)), r"holds no search \(no spec.yaml\)"),
    spec_cut_off: ((("show",), ("report",), ("resume",)), "spec.yaml must be as dottune wrote it"),
    spec_of_another_language: ((("show",), ("report",), ("resume",)), "spec.yaml"),
    record_cut_off: ((("show",), ("report",), ("resume",)), "provenance.json must be as dottune"),
    record_of_nothing: ((("show",), ("report",), ("resume",)), "provenance.json must be as"),
    record_with_infinity: ((("show",), ("report",), ("resume",)), "provenance.json must be as"),
    another_file: (READERS, "mine.csv; move that file to another folder"),
    a_folder_within: (READERS, "mine; move that file to another folder"),
    later_version: (READERS, "must have a schema version up to [0-9]+; got 99"),
    no_version: (READERS, "must have a schema version up to [0-9]+; got none"),
    without_a_column: (READERS, "lacks nmse"),
    of_another_type: (READERS, "must have the types of its schema"),
    of_another_search: (READERS, "must hold one search; got 2"),
}


@pytest.mark.parametrize("damage", FOLDERS, ids=lambda damage: damage.__name__)
def test_a_damaged_folder_is_named_and_left_as_it_is(
    damage: Callable[[Path], None], finished: Path, tmp_path: Path
) -> None:
    out = Path(shutil.copytree(finished, tmp_path / "out"))
    damage(out)
    commands, message = FOLDERS[damage]
    before = stamps(out)
    for name, *options in commands:
        refused = dottune(name, str(out), *options)
        expect_refusal(refused.exit_code, refused.output, message)
        assert stamps(out) == before


def stamps(out: Path) -> dict[Path, tuple[bytes, int]]:
    """Every file, what it holds and when it was written."""
    return {
        path: (path.read_bytes() if path.is_file() else b"", path.stat().st_mtime_ns)
        for path in out.rglob("*")
    }
