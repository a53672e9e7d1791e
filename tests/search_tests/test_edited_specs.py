"""A spec.yaml edited after rows were made from it: refused with its keys, or gone on with."""

import json
import re
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from results import OutputError, OutputFolder
from results.parts import part_name
from search import load_study
from search.commands.cli import application
from search.planning.search_plan import SearchPlan
from search.saved_search.folder_state import Empty, folder_state
from tests.search_tests.studies import TINY, content, tiny, trained, written

GOLDEN = Path(__file__).parent / "golden"
CHANGES: list[tuple[str, Any, str, bool]] = [
    ("seed", 1, "seed: 1, ", True),
    ("grid.dimension", [3], "grid", True),
    ("fixed.steps", 3, "fixed.steps: 3, ", True),
    ("budget.pack_size", 2, "budget.pack_size: 2, ", True),
    ("budget.trials", 6, "budget.trials: 6, ", True),
    ("space.width", {"choices": [3, 64]}, "space.width: ", True),
    ("space.width", {"low": 2, "high": 9}, "space.width: ", False),
    ("name", "other", 'name: "other", ', True),
    ("halving.grace_period", 1, "halving.grace_period: 1, was 2", False),
    ("confirm", None, "confirm: null, ", True),
    ("task.scale", 2.0, "task.scale: 2.0, ", True),
]
"""A key, its new value, the line that names it, and whether rows show it without a record."""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished search, trained in this process."""
    return written(tmp_path_factory.mktemp("finished") / "out", tiny(tensorboard="off"))


@pytest.fixture(params=["finished", "interrupted"])
def out(request: pytest.FixtureRequest, finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished search, or of what it was before its last pack."""
    out = tmp_path / "out"
    shutil.copytree(finished, out)
    if request.param == "interrupted":
        (out / "trials" / part_name("dimension=2", "confirm", 1)).unlink()
    return out


def edit(out: Path, key: str, value: Any) -> None:
    spec = yaml.safe_load((out / "spec.yaml").read_text())
    *sections, name = key.split(".")
    part = spec
    for section in sections:
        part = part[section]
    part[name] = value
    (out / "spec.yaml").write_text(yaml.safe_dump(spec, sort_keys=False))


def refused(out: Path) -> str:
    """The message of `resume`, which must leave every byte as it was."""
    before = content(out)
    done = CliRunner().invoke(application, ["resume", str(out)])
    assert done.exit_code == 2, done.output
    assert content(out) == before
    assert f"the rows in {out} were made from another spec than its spec.yaml: " in done.stderr
    return done.stderr


@pytest.mark.parametrize(("key", "value", "line", "in_rows"), CHANGES)
def test_a_changed_key_is_named(out: Path, key: str, value: Any, line: str, in_rows: bool) -> None:
    edit(out, key, value)
    message = refused(out)
    assert line in message
    if key == "grid.dimension":
        assert "grid.dimension: [3], was [1, 2]; grid: the study dimension=1 has rows" in message
    with pytest.raises(OutputError, match=re.escape(line)):
        load_study(str(out), dimension=2)
    if not in_rows:
        return
    (out / "provenance.json").unlink()  # as if an earlier release had written the folder
    assert line in refused(out)


def test_the_order_of_the_space_counts(out: Path) -> None:
    edit(out, "space", dict(reversed(TINY["space"].items())))
    assert "space: its keys in the order" in refused(out)


def test_parts_of_another_search_are_refused(out: Path, tmp_path: Path) -> None:
    """Even of the same name and studies: the seeds of its rows are others."""
    pack = SearchPlan(tiny(seed=7)).next_pack()
    assert pack is not None
    OutputFolder(out).write_pack(*pack.key, trained(pack))
    assert f"seed: 0, but a row of {pack.study} has " in refused(out)


@pytest.mark.usefixtures("two_cpus")
def test_a_grid_value_may_be_added_and_resources_may_change(finished: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(finished, out)
    rows = OutputFolder(out).read_trials()
    edit(out, "resources.workers", 1)
    edit(out, "grid.dimension", [1, 2, 3])
    records = json.loads((out / "provenance.json").read_text())
    records["executions"][0]["packages"]["torch"] = "1.0"
    (out / "provenance.json").write_text(json.dumps(records))
    done = CliRunner().invoke(application, ["resume", str(out)])
    assert done.exit_code == 0, done.output
    note = f"note: this search began with torch 1.0 (now {version('torch')}): new rows may differ"
    assert note in " ".join(done.stderr.split())
    trials = OutputFolder(out).read_trials()
    assert trials.slice(0, rows.num_rows).equals(rows)
    assert set(trials["study"].to_pylist()) == {"dimension=1", "dimension=2", "dimension=3"}
    executions = trials.to_pandas().groupby("study")["execution"].unique()
    assert executions.tolist() == [[0], [0], [1]]
    records = json.loads((out / "provenance.json").read_text())["executions"]
    assert [record["spec"]["grid"]["dimension"] for record in records] == [[1, 2], [1, 2, 3]]
    edit(out, "grid.dimension", [1, 2])
    assert "grid.dimension: [1, 2], was [1, 2, 3]" in refused(out)


def test_a_search_of_version_1_is_read_but_not_gone_on_with(tmp_path: Path) -> None:
    """Its provenance.json says nothing of the spec either."""
    out = tmp_path / "out"
    shutil.copytree(GOLDEN / "version-1", out)
    before = content(out)
    resumed = CliRunner().invoke(application, ["resume", str(out)])
    assert resumed.exit_code == 2, resumed.output
    assert "can't be gone on with: an earlier release wrote its rows" in resumed.stderr
    shown = CliRunner().invoke(application, ["show", str(out)])
    assert shown.exit_code == 0, shown.output
    assert len(load_study(str(out)).trials) == 4
    assert content(out) == before
    edit(out, "fixed.steps", 4)
    with pytest.raises(OutputError, match=r"made from another spec .*fixed\.steps: 4, but"):
        load_study(str(out))


@pytest.mark.parametrize("left", [[], ["provenance.json"]])
def test_a_run_killed_before_its_spec_was_written_leaves_a_free_folder(
    finished: Path, tmp_path: Path, left: list[str]
) -> None:
    for name in left:
        shutil.copy(finished / name, tmp_path / name)
    assert folder_state(OutputFolder(tmp_path)) == Empty(uri=str(tmp_path))


def test_a_search_whose_spec_was_deleted_is_not_searched_over(out: Path) -> None:
    (out / "spec.yaml").unlink()
    before = content(out)
    done = CliRunner().invoke(application, ["run", "smoke", "--out", str(out)])
    assert done.exit_code == 2
    assert "(no spec.yaml), but trials, curves, which a search would write to" in done.stderr
    assert content(out) == before
