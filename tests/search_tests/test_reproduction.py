"""Rows trained again alone: by `dottune reproduce`, and by the program that it prints."""

import random
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from results import OutputFolder
from results.rows import TrialRow, trials_of
from search.commands.cli import application
from search.commands.local_file import check_file
from search.planning.search_plan import SearchPlan
from search.reproducing.reproduction import NMSE_FLOOR, RowNotFoundError, find_row, reproduce
from search.reproducing.reproduction_script import reproduction_script
from search.table_facts import with_table_facts
from spaces import load_spec
from tests.trainables_tests.rating_tables import made_up_ratings, written
from tests.typed_rows import changed
from trainables import train
from trainables.pack_rows import pack_result
from trainables.sources.targets import TARGETS

SPEC = {
    "name": "reproducible",
    "grid": {
        "dimension": [2],
        "multiplication": [False, True],
        "schedule": ["one_cycle", "linear"],
    },
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
SAMPLE = {
    "name": "sampled",
    "grid": {"dimension": [2], "shuffle": [True, False], "pairs": [48, 64]},
    "space": {
        "layer_sizes": {"choices": [["4d", "d", 1], [16], None]},
        "learning_rate": {"low": 1e-4, "high": 3e-2, "log": True},
        "initialisation": {"choices": ["he", "glorot"]},
    },
    "fixed": {"epochs": 40, "batch_size": 16},
    "task": {"data": "fixed", "inputs": "uniform", "target": "cosine", "label_noise_std": 0.1},
    "early_stopping": {"patience": 3, "min_delta": 1e-3},
    "budget": {"trials": 8, "pack_size": 8},
    "halving": {"grace_period": 30, "reduction_factor": 2, "min_survivors": 4},
    "confirm": {"replicates": 2},
}
POOL = {
    "name": "pooled",
    "grid": {"dimension": [2], "users": [16], "items": [8, 40], "shuffle": [True, False]},
    "space": {
        "depth": {"low": 0, "high": 2},
        "width": {"low": 2, "high": 24, "log": True},
        "learning_rate": {"low": 1e-4, "high": 3e-2, "log": True},
    },
    "fixed": {"epochs": 20, "batch_size": 16, "initialisation": "glorot"},
    "task": {"data": {"pool": {"pairs_per_user": 8}}, "label_std": 0.7, "label_noise_std": 0.1},
    "budget": {"trials": 8, "pack_size": 8},
    "halving": {"grace_period": 20, "reduction_factor": 2, "min_survivors": 4},
    "confirm": {"replicates": 2},
}
"""Of one user's items all are in a pair where there are 8, few where there are 40."""
MODES = {
    "name": "modes",
    "grid": {"rank": [1, 2], "model": ["dot", "mlp"], "shuffle": [True, False]},
    "space": {
        "factors": {"low": 2, "high": 8},
        "learning_rate": {"low": 1e-3, "high": 0.1, "log": True},
        "optimizer": {"choices": ["adam", "adagrad"]},
        "y_range": {"choices": ["none", [-3, 3.5]]},
    },
    "fixed": {"epochs": 10, "batch_size": 16, "width": 9, "depth": 1},
    "task": {"data": {"modes": {"values": 12}}, "label_std": 1.0, "label_noise_std": 0.1},
    "budget": {"trials": 8, "pack_size": 8},
    "halving": {"grace_period": 20, "reduction_factor": 2, "min_survivors": 4},
    "confirm": {"replicates": 2},
}
TABLE = {
    "name": "table",
    "grid": {"model": ["dot_bias", "neumf"], "shuffle": [True, False]},
    "space": {
        "factors": {"low": 2, "high": 8},
        "learning_rate": {"low": 1e-3, "high": 0.1, "log": True},
        "weight_decay": {"low": 1e-4, "high": 0.1, "log": True},
        "beta_1": {"low": 0.0, "high": 0.95},
        "epsilon": {"low": 1e-8, "high": 1e-2, "log": True},
    },
    "fixed": {
        "beta_2": 0.98,
        "epochs": 3,
        "batch_size": 50,
        "width": 9,
        "depth": 1,
        "optimizer": "adamw",
        "y_range": [0.5, 5.5],
        "dropout": 0.25,
    },
    "budget": {"trials": 8, "pack_size": 8},
    "halving": {"grace_period": 10, "reduction_factor": 2, "min_survivors": 4},
    "confirm": {"replicates": 2},
}
"""Without its table, which a test writes."""
BY_HAND = {
    "name": "by-hand",
    "grid": {"dimension": [2], "initialisation": ["constructed", "folded"]},
    "space": {
        "depth": {"low": 0, "high": 3},
        "width": {"low": 2, "high": 24, "log": True},
        "learning_rate": {"low": 1e-4, "high": 1e-2, "log": True},
    },
    "fixed": {"steps": 120, "batch_size": 64},
    "task": {"label_noise_std": 0.1, "scale": 0.8},
    "budget": {"trials": 8, "pack_size": 8},
    "halving": {"grace_period": 30, "reduction_factor": 2, "min_survivors": 2},
    "confirm": {"replicates": 2},
}
every_folder = pytest.mark.parametrize(
    "of",
    ["folder", "sample_folder", "pool_folder", "modes_folder", "table_folder", "folder_by_hand"],
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> OutputFolder:
    """A whole search's rows, trained in this process."""
    return searched(OutputFolder(str(tmp_path_factory.mktemp("reproducible"))), SPEC)


@pytest.fixture(scope="module")
def sample_folder(tmp_path_factory: pytest.TempPathFactory) -> OutputFolder:
    """Of another search, on samples that its trials go through until they stop."""
    return searched(OutputFolder(str(tmp_path_factory.mktemp("sampled"))), SAMPLE)


@pytest.fixture(scope="module")
def pool_folder(tmp_path_factory: pytest.TempPathFactory) -> OutputFolder:
    """Of a third search, on pools."""
    return searched(OutputFolder(str(tmp_path_factory.mktemp("pooled"))), POOL)


@pytest.fixture(scope="module")
def modes_folder(tmp_path_factory: pytest.TempPathFactory) -> OutputFolder:
    """Of a fourth search, on full tensors."""
    return searched(OutputFolder(str(tmp_path_factory.mktemp("modes"))), MODES)


@pytest.fixture(scope="module")
def table_folder(tmp_path_factory: pytest.TempPathFactory) -> OutputFolder:
    """Of a fifth search, on a table of ratings."""
    ratings = tmp_path_factory.mktemp("ratings") / "my ratings.tsv.gz"
    table = written(made_up_ratings(600, users=80), ratings)
    data = {"data": {"table": table, "timestamp": "timestamp"}}
    return searched(OutputFolder(str(tmp_path_factory.mktemp("table"))), TABLE | {"task": data})


@pytest.fixture(scope="module")
def folder_by_hand(tmp_path_factory: pytest.TempPathFactory) -> OutputFolder:
    """Of another search, whose networks begin with weights set by hand."""
    return searched(OutputFolder(str(tmp_path_factory.mktemp("by-hand"))), BY_HAND)


def searched(folder: OutputFolder, mapping: dict[str, Any]) -> OutputFolder:
    spec = with_table_facts(load_spec(mapping))
    plan = SearchPlan(spec)
    while (pack := plan.next_pack()) is not None:
        reports = train(pack, device=torch.device("cpu"))
        result = pack_result(pack, reports, device="cpu", worker="test")
        folder.write_pack(*pack.key, result)
        plan.finish(pack.key, result)
    assert plan.finished
    folder.write_text("spec.yaml", spec.to_yaml())
    return folder


def sample(folder: OutputFolder, count: int, phase: str = "search") -> list[TrialRow]:
    rows = [row for row in trials_of(folder.read_trials()) if row.phase == phase]
    return random.Random(0).sample(rows, count)


@every_folder
def test_random_rows_reproduce(of: str, request: pytest.FixtureRequest) -> None:
    folder = request.getfixturevalue(of)
    rows = [*sample(folder, 7), *sample(folder, 3, "confirm")]
    assert {"pruned", "completed"} <= {row.status for row in rows}
    for row in rows:
        reproduction = reproduce(row)
        assert reproduction.obtained == pytest.approx(row.nmse, rel=1e-2, abs=NMSE_FLOOR)
        assert reproduction.agrees
        assert reproduction.retrained == row.nmse
        assert reproduction.exact


def test_some_of_them_have_stopped_early(sample_folder: OutputFolder) -> None:
    ended = {
        (row.status, row.steps < row.schedule_steps)
        for row in trials_of(sample_folder.read_trials())
    }
    assert ended >= {("completed", True), ("pruned", True)}


def test_the_printed_program_knows_the_cosine_of_no_vector(sample_folder: OutputFolder) -> None:
    """A vector of length 0 has no angle: 0, as in the rows."""
    program = reproduction_script(sample(sample_folder, 1)[0])
    (label,) = re.findall(r"labels = (.*cosine.*)", program)
    a, b = torch.tensor([[0.0, 1.0, 0.0], [0.0, 2.0, 0.0]]), torch.tensor([[1.0, 3.0, 0.0]] * 2)
    labels = torch.empty(3)
    TARGETS["cosine"](a, b, a * b, labels)
    torch.testing.assert_close(eval(label, {"nn": torch.nn, "a": a, "b": b}), labels)
    assert labels[0] == labels[2] == 0.0


def test_a_wrong_number_does_not_agree(folder: OutputFolder) -> None:
    row = sample(folder, 1)[0]
    nmse = row.nmse
    assert nmse is not None
    right, doubled = reproduce(row), reproduce(changed(row, nmse=nmse * 2))
    assert not doubled.agrees
    assert doubled.exact is False
    assert right.sensitivity < 0.01 * nmse + NMSE_FLOOR
    assert not reproduce(changed(row, nmse=None, status="diverged")).agrees


@pytest.fixture(scope="module")
def diverged(tmp_path_factory: pytest.TempPathFactory) -> OutputFolder:
    """A search whose only trial diverges."""
    folder = OutputFolder(str(tmp_path_factory.mktemp("diverged")))
    fixed = {"dimension": 2, "depth": 3, "width": 8, "learning_rate": 1e10, "steps": 40}
    spec = load_spec({"name": "diverged", "fixed": fixed, "budget": {"trials": 1}})
    pack = SearchPlan(spec).next_pack()
    assert pack is not None
    reports = train(pack, device=torch.device("cpu"))
    folder.write_pack(*pack.key, pack_result(pack, reports, device="cpu", worker="test"))
    folder.write_text("spec.yaml", spec.to_yaml())
    return folder


@pytest.mark.parametrize("learning_rate", [1e10, 1e38, 3e38, 1e300])
def test_a_diverged_row_diverges_in_both(diverged: OutputFolder, learning_rate: float) -> None:
    """Also at rates that a spec of today can't have, but a row of an older search may."""
    (row,) = trials_of(diverged.read_trials())
    assert row.status == "diverged"
    row = changed(row, learning_rate=learning_rate)
    reproduction = reproduce(row)
    assert reproduction.retrained is None
    assert reproduction.diverged_in_both
    assert reproduction.agrees
    printed = printed_by(reproduction_script(row))
    assert printed == "nmse not finite, diverged in both\n"


def test_the_command_says_that_both_diverged(diverged: OutputFolder, tmp_path: Path) -> None:
    arguments = ["reproduce", diverged.uri, "--trial", "0", "--to", str(tmp_path / "network.pt")]
    result = CliRunner().invoke(application, arguments)
    assert result.exit_code == 0, result.output
    assert re.search(r"plain torch +not finite: diverged in both", result.stdout)


def test_a_loss_beyond_float32_counts_as_diverged(diverged: OutputFolder) -> None:
    (row,) = trials_of(diverged.read_trials())
    reproduction = reproduce(changed(row, learning_rate=1e5))  # its squares would fit a float64
    assert reproduction.retrained is None
    assert reproduction.diverged_in_both


def printed_by(program: str) -> str:
    with TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=True
        )
    return done.stdout


def never(*_: Any, **__: Any) -> None:
    raise AssertionError("trained before the file was checked")


@pytest.mark.parametrize("to", ["", "absent/network.pt", "folder", "/proc/network.pt"])
def test_a_file_that_cannot_be_written_is_refused_before_training(
    diverged: OutputFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, to: str
) -> None:
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("search.commands.reproduce_command.reproduce", never)
    result = CliRunner().invoke(application, ["reproduce", diverged.uri, "--trial=0", f"--to={to}"])
    assert result.exit_code == 2
    assert f"--to must be a file that can be written; got {to!r} (" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_checking_a_file_leaves_it_as_it_was(tmp_path: Path) -> None:
    kept, new = tmp_path / "kept", tmp_path / "new"
    kept.write_text("mine")
    for path in (kept, new):
        check_file(str(path))
    assert kept.read_text() == "mine"
    assert not new.exists()


@every_folder
@pytest.mark.parametrize("phase", ["search", "confirm"])
def test_the_printed_program_does_the_same(
    of: str, phase: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    folder = request.getfixturevalue(of)
    row = next(
        row
        for row in trials_of(folder.read_trials())
        if row.phase == phase and row.status == ("pruned" if phase == "search" else "completed")
    )
    arguments = ["reproduce", folder.uri, "--study", row.study, "--trial", str(row.trial)]
    if phase == "confirm":
        arguments += [
            "--replicate",
            str(row.replicate),
            "--steps-factor",
            str(row.steps_factor),
        ]
    printed = CliRunner().invoke(application, [*arguments, "--script"])
    assert printed.exit_code == 0
    program = tmp_path / "program.py"
    program.write_text(printed.stdout)
    done = subprocess.run(
        [sys.executable, str(program)], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    obtained = float(done.stdout.split()[1])
    assert obtained == pytest.approx(row.nmse, rel=1e-2, abs=NMSE_FLOOR)
    imports = [line for line in printed.stdout.splitlines() if line.startswith(("import", "from"))]
    of_table = ["import numpy", "import pandas", "import pyarrow.fs", "import pyarrow.parquet"]
    read = of_table if of == "table_folder" else []
    assert imports == ["import math", *read, "import torch", "from torch import nn"]
    weights = torch.load(tmp_path / f"trial-{row.trial}.pt", weights_only=True)
    assert sum(weight.numel() for weight in weights.values()) == row.parameters


def test_the_printed_program_drops_the_same_units(table_folder: OutputFolder) -> None:
    row = next(
        row
        for row in trials_of(table_folder.read_trials())
        if row.column("dropout") is not None and row.status == "completed"
    )
    program = reproduction_script(row)
    obtained = float(printed_by(program).split()[1])
    assert obtained == pytest.approx(row.nmse, rel=1e-4)
    others = printed_by(program.replace("torch.tensor(step)", "torch.tensor(step + 1)"))
    assert float(others.split()[1]) != pytest.approx(row.nmse, rel=1e-4)


def test_the_command_compares_and_saves_the_network(folder: OutputFolder, tmp_path: Path) -> None:
    row = sample(folder, 1)[0]
    saved = tmp_path / "network.pt"
    result = CliRunner().invoke(
        application,
        [
            *("reproduce", folder.uri, "--study", row.study, "--trial", str(row.trial)),
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
        reproduce(changed(sample(folder, 1)[0], device="NVIDIA H200"))
