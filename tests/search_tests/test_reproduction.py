"""Rows trained again alone: by `dottune reproduce`, and by the program that it prints."""

import random
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from results import OutputFolder
from search.cli import application
from search.reproduction import NMSE_FLOOR, RowNotFoundError, find_row, reproduce
from search.search_run import SearchRun
from spaces import load_spec
from trainables import train
from trainables.pack_rows import pack_rows

SPEC = {
    "name": "reproducible",
    "grid": {"dimension": [2], "multiplication": [False, True], "schedule": ["cosine", "linear"]},
    "space": {
        "depth": {"low": 0, "high": 3},
        "width": {"low": 2, "high": 24, "log": True},
        "learning_rate": {"low": 1e-3, "high": 3e-2, "log": True},
        "activation": {"choices": ["relu", "gelu", "silu", "tanh"]},
    },
    "fixed": {"steps": 120, "batch_size": 64},
    "task": {"label_noise_std": 0.1, "scale": 0.8},
    "budget": {"trials": 8, "pack_size": 8},
    "halving": {"grace_period": 30, "reduction_factor": 2, "min_survivors": 2},
    "confirm": {"replicates": 2, "steps_factors": [1, 2]},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> OutputFolder:
    """A whole search's rows, trained in this process."""
    folder = OutputFolder(str(tmp_path_factory.mktemp("reproducible")))
    spec = load_spec(SPEC)
    run = SearchRun(spec)
    while (pack := run.next_pack()) is not None:
        rows = pack_rows(pack, train(pack, device=torch.device("cpu")), device="cpu", worker="test")
        trials, curves = rows.trial_rows(), rows.curves
        folder.write_pack(pack.study, pack.number, trials, curves)
        run.finish(pack.study, pack.number, trials, curves)
    assert run.finished
    folder.write_text("spec.yaml", spec.to_yaml())
    return folder


def sample(folder: OutputFolder, count: int) -> list[dict[str, Any]]:
    rows = folder.read_trials().to_pylist()
    return random.Random(0).sample(rows, count)


def test_random_rows_reproduce(folder: OutputFolder) -> None:
    rows = sample(folder, 20)
    assert {row["phase"] for row in rows} == {"search", "confirm"}
    assert {"pruned", "completed"} <= {row["status"] for row in rows}
    for row in rows:
        reproduction = reproduce(row)
        assert reproduction.obtained == pytest.approx(row["nmse"], rel=1e-2, abs=NMSE_FLOOR)
        assert reproduction.agrees
        assert reproduction.retrained == row["nmse"]
        assert reproduction.exact


def test_a_wrong_number_does_not_agree(folder: OutputFolder) -> None:
    row = sample(folder, 1)[0]
    right, doubled = reproduce(row), reproduce(row | {"nmse": row["nmse"] * 2})
    assert not doubled.agrees
    assert doubled.exact is False
    assert right.sensitivity < 0.01 * row["nmse"] + NMSE_FLOOR
    assert not reproduce(row | {"nmse": None, "status": "diverged"}).agrees


def test_a_diverged_row_diverges_again(folder: OutputFolder) -> None:
    row = next(r for r in folder.read_trials().to_pylist() if r["depth"] == 1)
    reproduction = reproduce(row | {"learning_rate": 1e30, "nmse": None})
    assert reproduction.obtained is None
    assert reproduction.agrees


@pytest.mark.parametrize("phase", ["search", "confirm"])
def test_the_printed_program_does_the_same(
    folder: OutputFolder, phase: str, tmp_path: Path
) -> None:
    row = next(
        row
        for row in folder.read_trials().to_pylist()
        if row["phase"] == phase
        and row["status"] == ("pruned" if phase == "search" else "completed")
    )
    arguments = ["reproduce", folder.uri, "--study", row["study"], "--trial", str(row["trial"])]
    if phase == "confirm":
        arguments += [
            "--replicate",
            str(row["replicate"]),
            "--steps-factor",
            str(row["steps_factor"]),
        ]
    printed = CliRunner().invoke(application, [*arguments, "--script"])
    assert printed.exit_code == 0
    program = tmp_path / "program.py"
    program.write_text(printed.stdout)
    done = subprocess.run(
        [sys.executable, str(program)], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    obtained = float(done.stdout.split()[1])
    assert obtained == pytest.approx(row["nmse"], rel=1e-2, abs=NMSE_FLOOR)
    imports = [line for line in printed.stdout.splitlines() if line.startswith(("import", "from"))]
    assert imports == ["import math", "import torch", "from torch import nn"]
    weights = torch.load(tmp_path / f"trial-{row['trial']}.pt", weights_only=True)
    assert sum(weight.numel() for weight in weights.values()) == row["parameters"]


def test_the_command_compares_and_saves_the_network(folder: OutputFolder, tmp_path: Path) -> None:
    row = sample(folder, 1)[0]
    saved = tmp_path / "network.pt"
    result = CliRunner().invoke(
        application,
        [
            *("reproduce", folder.uri, "--study", row["study"], "--trial", str(row["trial"])),
            *("--to", str(saved)),
        ],
    )
    assert result.exit_code == 0, result.output
    assert re.search(r"plain torch +\S+: agrees within", result.stdout)
    assert re.search(r"kernels +\S+: the same, to the last bit", result.stdout)
    weights = torch.load(saved, weights_only=True)
    assert sum(weight.numel() for weight in weights.values()) > 0


def test_what_is_not_there_is_said(folder: OutputFolder) -> None:
    study = "dimension=2,multiplication=true,schedule=linear"
    with pytest.raises(RowNotFoundError, match="say which study with --study, one of 4"):
        find_row(folder, study=None, trial=0)
    with pytest.raises(RowNotFoundError, match=f"did you mean '{study}'"):
        find_row(folder, study="dimension=2,multiplication=yes,schedule=linear", trial=0)
    with pytest.raises(RowNotFoundError, match=r"trial 99.* have trial 0 to 7, replicate 0 to 0"):
        find_row(folder, study=study, trial=99)
    with pytest.raises(RowNotFoundError, match=r"replicate 0 to 1, steps_factor \[1, 2\]"):
        find_row(folder, study=study, trial=99, replicate=0)
    with pytest.raises(RowNotFoundError, match="trained on NVIDIA H200, whose random batches"):
        reproduce(sample(folder, 1)[0] | {"device": "NVIDIA H200"})
