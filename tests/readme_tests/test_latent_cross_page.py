"""docs/latent-cross.md: its snippet on a small search, its rows, and the second command."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from results import OutputFolder, summarise
from search.planning.search_plan import SearchPlan
from spaces import load_spec, studies
from tests.search_tests.studies import trained

PAGE = (Path(__file__).parents[2] / "docs" / "latent-cross.md").read_text()


def test_the_snippet_s_table_is_the_summary_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    small = ["grid.width=[1, 5]", "task.data={modes: {values: 12}}", "confirm.replicates=3"]
    spec = load_spec("latent-cross", overrides=[*small, "fixed.batch_size=16", "fixed.epochs=20"])
    plan, folder = SearchPlan(spec), OutputFolder("runs/latent-cross")
    while pack := plan.next_pack():
        result = trained(pack)
        folder.write_pack(*pack.key, result)
        plan.finish(pack.key, result)
    known: dict[str, Any] = {}
    (program,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(compile(program, "docs/latent-cross.md", "exec"), known)
    assert "median" in capsys.readouterr().out
    for row in summarise(folder.read_trials()).to_pylist():
        found = known["table"].loc[row["width"]]
        assert found["max", row["dimension"]] == pytest.approx(row["pearson_r_max"])
        assert found["median", row["dimension"]] == pytest.approx(row["pearson_r"])


def test_every_width_of_the_preset_has_its_row() -> None:
    rows = re.findall(r"^\| (\d+) \| [\d.]+ \| [\d.]+ \| [\d.]+ \| [\d.]+ \|$", PAGE, re.MULTILINE)
    assert [*map(int, rows)] == load_spec("latent-cross").grid["width"]


def test_the_dot_product_s_command_is_a_search_of_two_ranks() -> None:
    (command,) = re.findall(r"^dottune (run .*--set .*)$", PAGE, re.MULTILINE)
    _, preset, *options = shlex.split(command)
    given = list(zip(options[::2], options[1::2], strict=True))
    assert ("--name", "latent-cross-dot") in given
    overrides = [value for name, value in given if name == "--set"]
    spec = load_spec(preset, overrides=overrides)
    assert [study.fixed["model"] for study in studies(spec)] == ["dot", "dot"]
