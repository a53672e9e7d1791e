"""The command line: what it prints, how it ends, and that wrong input leaves nothing behind."""

import json
import os
import shlex
from pathlib import Path

import pytest
import yaml

from results import OutputFolder
from spaces import json_schema, preset_names, preset_text
from tests.search_tests.command_line import dottune

GOOD = {
    "name": "good",
    "grid": {"dimension": [1]},
    "space": {"learning_rate": {"low": 1e-3, "high": 1e-1, "log": True}},
    "fixed": {"depth": 0, "steps": 4},
    "budget": {"trials": 2, "pack_size": 2},
}


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def refused(*arguments: str) -> str:
    """The message of a command that must be refused and leave the folder as it was."""
    before = sorted(Path().rglob("*"))
    done = dottune(*arguments)
    assert done.exit_code == 2, done.output
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert sorted(Path().rglob("*")) == before
    return done.stderr


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("buget.trials=4", "buget: unknown key"),
        ("budget.trails=4", "did you mean trials?"),
        ("fixed.schedul=cosine", "did you mean schedule?"),
        ("space.depth={low: 3, high: 1}", "space.depth"),
        ("space.learning_rate={low: 0, high: 1, log: true}", "space.learning_rate"),
        ("space.learning_rate={low: -1, high: 1, log: true}", "space.learning_rate"),
        ("space.activation={choices: []}", "space.activation"),
        ("grid.dimension=[]", "grid.dimension"),
        ("task.scale=.nan", "task.scale"),
        ("task.label_noise_std=.inf", "task.label_noise_std"),
        ("space.learning_rate={low: 1, high: .inf}", "space.learning_rate"),
        ("fixed.learning_rate=0.1", "learning_rate: stands in space and fixed"),
        ("grid.depth=[1]", "depth: stands in grid and fixed"),
        ("space.dimension={low: 1, high: 8}", "losses of different dimensions can't be compared"),
        ("space.batch_size={low: 1, high: 8}", "the members of a pack share it"),
        ("name=Über", 'name: must be at most 100 of a-z, 0-9, ".", "_", "-"'.replace('"', "'")),
        ("name=../x", 'got "../x"'),
        ("budget.trials=0", "budget.trials"),
        ("fixed.steps=0", "fixed.steps"),
        ("fixed.steps=-5", "fixed.steps"),
        ("halving={grace_period: 5}", "halving.grace_period: must not exceed the smallest steps"),
        ("task.target=!!python/object/apply:os.system [exit]", "tag"),
        ("fixed.target=dot", "did you mean task.target?"),
        ("budget", "must be KEY=VALUE"),
    ],
)
def test_a_bad_value_is_refused(override: str, message: str) -> None:
    Path("good.yaml").write_text(yaml.safe_dump(GOOD))
    assert message in refused("run", "good.yaml", "--set", override)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: good\ngrid: [1\n", "bad.yaml, line 3"),
        ("name: good\nname: twice\n", "bad.yaml, line 2"),
        ("", "it is empty"),
        ("- 1\n", "must be a mapping"),
        ("name: !!python/object/apply:os.system ['touch built']\n", "tag"),
        ("name: good\nfixed: {dimension: 1, learning_rate: .nan}\n", "fixed.learning_rate"),
    ],
)
def test_a_bad_file_is_refused(text: str, message: str) -> None:
    Path("bad.yaml").write_text(text)
    assert message in refused("run", "bad.yaml")


def test_an_unknown_preset_is_refused_with_the_nearest_name() -> None:
    for command in (("run", "quik"), ("presets", "quik")):
        message = refused(*command)
        assert 'no preset has the name "quik"; did you mean quick?' in message
        assert f"the presets are {', '.join(preset_names())}" in message


def test_all_faults_are_told_at_once() -> None:
    message = refused("run", "smoke", "--set", "budget.trials=0", "--set", "fixed.lr=1")
    assert "budget.trials" in message
    assert "fixed.lr" in message


def test_a_folder_that_holds_a_search_is_refused() -> None:
    Path("out").mkdir()
    Path("out/spec.yaml").write_text(preset_text("smoke"))
    message = refused("run", "smoke", "--out", "out")
    out = Path("out").absolute()
    assert f"{out} already holds a search; finish it with `dottune resume {out}`" in message
    assert "choose another folder with --out" in message
    message = refused("run", "smoke", "--set", "seed=1", "--out", "out")
    assert f"{out} already holds a search, another one (seed: 1, was 0)" in message


@pytest.mark.parametrize(
    "command", [("run", "smoke", "--out"), ("resume",), ("show",), ("compare", "out")]
)
@pytest.mark.parametrize(
    "name", ["trials", "curves", "tensorboard/mine", "tensorboard_trials/mine"]
)
def test_a_folder_of_somebody_else_is_refused(command: tuple[str, ...], name: str) -> None:
    theirs = Path("out", name, "f")
    theirs.parent.mkdir(parents=True)
    theirs.write_text("1")
    message = refused(*command, "out")
    folder = name.partition("/")[0]
    assert f"out holds no search (no spec.yaml), but {folder}, which" in message
    assert "choose another folder" in message
    assert theirs.read_text() == "1"


@pytest.mark.parametrize("out", ["file/out", "file", "/proc/dottune/out", "/dev/null/out"])
def test_a_folder_that_cannot_be_written_is_refused(out: str) -> None:
    Path("file").write_text("")
    assert "an output folder must be writable; got " in refused("run", "smoke", "--out", out)
    assert Path("file").read_text() == ""


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_refused() -> None:
    Path("locked").mkdir(mode=0o500)
    assert "must be writable" in refused("run", "smoke", "--out", "locked/out")


@pytest.mark.parametrize(
    "command", [("run", "smoke", "--out"), ("resume",), ("show",), ("compare", "out")]
)
@pytest.mark.parametrize("uri", ["s3://KEY:SECRET@bucket/path", "s3://bucket/path?secret=SECRET"])
def test_a_uri_with_credentials_is_refused_and_not_repeated(
    command: tuple[str, ...], uri: str
) -> None:
    message = refused(*command, uri)
    assert "must hold no credentials" in message
    assert "SECRET" not in message.replace("AWS_SECRET_ACCESS_KEY", "")


def test_an_empty_name_of_an_output_folder_is_refused() -> None:
    assert "got an empty name" in refused("run", "smoke", "--out", "")


@pytest.mark.parametrize("command", ["resume", "show"])
def test_a_folder_without_a_search_is_refused(command: str) -> None:
    assert "nothing/here holds no search (no spec.yaml)" in refused(command, "nothing/here")


@pytest.mark.parametrize("arguments", [("run",), ("run", "smoke", "--no-such"), ("rnu", "smoke")])
def test_a_command_that_does_not_exist_is_refused(arguments: tuple[str, ...]) -> None:
    assert "Usage:" in refused(*arguments)


def test_presets_are_listed_and_printed() -> None:
    listed = dottune("presets")
    lines = listed.stdout.splitlines()
    assert (listed.exit_code, [line.split()[0] for line in lines]) == (0, [*preset_names()])
    assert all(line.endswith((".", "?")) for line in lines)  # what it asks
    assert json.loads(dottune("presets", "--schema").stdout) == json_schema()
    for name in preset_names():
        assert dottune("presets", name).stdout == preset_text(name)


@pytest.mark.usefixtures("two_cpus")
def test_a_run_ends_with_the_table_and_the_paths_in_plain_text() -> None:
    Path("good.yaml").write_text(yaml.safe_dump(GOOD))
    command = ("run", "good.yaml", "--name", "renamed", "--set", "confirm.replicates=2")
    ran = dottune(*command)
    assert ran.exit_code == 0, ran.output
    out = Path("runs/renamed").absolute()
    assert f"trials   {out}/trials\n" in ran.stdout
    assert f"summary  {out}/summary.parquet\n" in ran.stdout
    assert "d=1" in ran.stdout
    control = {letter for letter in ran.output if ord(letter) < 32} - {"\n"}
    assert control == set()

    shown = dottune("show", "runs/renamed")
    assert shown.exit_code == 0
    assert shown.stdout in ran.stdout
    as_json = dottune("show", "runs/renamed", "--json")
    (row,) = json.loads(as_json.stdout)
    assert row == OutputFolder(out).read_summary().to_pylist()[0]
    assert (row["search"], row["study"], row["trials"]) == ("renamed", "dimension=1", 2)

    again = refused("run", "good.yaml", "--name", "renamed")
    assert "already holds a search" in again
    resumed = dottune("resume", "runs/renamed")
    assert (resumed.exit_code, resumed.stdout) == (0, ran.stdout)
    same = dottune(*command, "--resume-if-there")
    assert (same.exit_code, same.stdout) == (0, ran.stdout)
    other = refused(*command, "--resume-if-there", "--set", "seed=1")
    assert "already holds a search, another one (seed: 1, was 0)" in other


@pytest.mark.parametrize("command", ["run", "submit", "reproduce"])
def test_help_shows_what_stands_in_brackets(command: str) -> None:
    shown = " ".join(dottune(command, "--help").stdout.split())
    expected = {
        "run": "Output folder [runs/<name>].",
        "submit": "The cluster's dashboard [RAY_API_SERVER_ADDRESS, or RAY_ADDRESS].",
        "reproduce": "File for the weights [trial-N.pt].",
    }
    assert expected[command] in shown


@pytest.mark.usefixtures("two_cpus")
@pytest.mark.parametrize("name", ["r[v2] [bold]:smile:", "r[/x]"])
def test_an_output_folder_is_printed_as_it_is(name: str) -> None:
    Path("good.yaml").write_text(yaml.safe_dump({**GOOD, "confirm": None}))
    ran = dottune("run", "good.yaml", "--out", name)
    assert ran.exit_code == 0, ran.output
    out = Path(name).absolute()
    assert f"output       {out}\n" in ran.stderr
    assert f"tensorboard --logdir {shlex.quote(f'{out}/tensorboard')}\n" in ran.stderr
    assert f"tensorboard --logdir {shlex.quote(f'{out}/tensorboard_trials')}\n" in ran.stderr
    assert ran.stdout.startswith(f"{out}\n")
    assert f"trials   {out}/trials\n" in ran.stdout
    assert dottune("show", name).stdout.startswith(f"{out}\n")
