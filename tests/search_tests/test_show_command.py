"""`dottune show`: finished searches, interrupted ones, and those of older releases."""

import csv
import io
import json
import shlex
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pandas
import pyarrow
import pytest

from results import SUMMARY, TRIALS, OutputFolder, summarise
from results.constructions import Configuration, constructed_nmse
from results.rows import PackResult
from search.planning.search_plan import SearchPlan
from search.text.number_notation import nmse_notation, one_notation
from search.text.study_label import study_label
from tests.search_tests.command_line import dottune
from tests.search_tests.studies import tiny, trained
from trainables import PackKey

GOLDEN = Path(__file__).parent / "golden" / "version-1"


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


SPEC = tiny(
    grid={"batch_size": [128, 16, 8], "dimension": [2]}, fixed={"multiplication": True, "steps": 4}
)


@cache
def trained_packs() -> list[tuple[PackKey, PackResult]]:
    """All packs of a search, in the order in which they finish where one runs at a time."""
    plan, found = SearchPlan(SPEC), []
    while pack := plan.next_pack():
        found.append((pack.key, trained(pack)))
        plan.finish(*found[-1])
    return found


def finished_packs(out: Path, packs: int) -> SearchPlan:
    """Leave a folder as a search leaves it that was killed after so many packs."""
    plan, folder = SearchPlan(SPEC), OutputFolder(out)
    folder.write_text("spec.yaml", SPEC.to_yaml())
    for key, result in trained_packs()[:packs]:
        folder.write_pack(*key, result)
        plan.finish(key, result)
    return plan


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A search with its last pack done, but no summary yet."""
    out = tmp_path_factory.mktemp("finished") / "out"
    plan = finished_packs(out, 15)
    assert plan.finished
    return out


def rows_of(*arguments: str) -> list[dict[str, Any]]:
    shown = dottune("show", *arguments, "--json")
    assert shown.exit_code == 0, shown.output
    rows: list[dict[str, Any]] = json.loads(shown.stdout)
    return rows


def searched(out: Path) -> pandas.DataFrame:
    return pandas.read_parquet(out / "trials").query("phase == 'search'")


@pytest.mark.parametrize(
    ("packs", "missing", "of_studies"),
    [
        (0, "27 of 27 trials are missing; 3 of 3 studies are not confirmed", ["9 trials"] * 3),
        (
            4,
            "15 of 27 trials are missing; 3 of 3 studies are not confirmed",
            ["3 trials", "6 trials", "6 trials"],
        ),
        (9, "3 of 3 studies are not confirmed", ["4 replicates"] * 3),
        (10, "3 of 3 studies are not confirmed", ["2 replicates", *["4 replicates"] * 2]),
        (13, "2 of 3 studies are not confirmed", ["-", "2 replicates", "2 replicates"]),
    ],
)
def test_an_interrupted_search_is_shown_in_full(
    packs: int, missing: str, of_studies: list[str]
) -> None:
    out = Path("an out").absolute()
    plan = finished_packs(out, packs)
    shown = dottune("show", "an out")
    assert shown.exit_code == 0
    hint = f"unless it runs now, go on with: dottune resume {shlex.quote(str(out))}"
    assert shown.stdout.endswith(f"unfinished: {missing}; {hint}\n")
    lines = [line.rstrip() for line in shown.stdout.splitlines() if "batch_size=" in line]
    sizes = [line.split()[0] for line in lines]
    assert sizes == ["batch_size=128", "batch_size=16", "batch_size=8"]
    for line, of_study in zip(lines, of_studies, strict=True):
        assert line.endswith(f" s {of_study:>{max(map(len, of_studies))}}")
    as_json = dottune("show", "an out", "--json")
    assert [row["study"] for row in json.loads(as_json.stdout)] == [*plan.studies]
    assert sum(row["trials"] for row in json.loads(as_json.stdout)) == plan.trials_ended
    assert as_json.stderr.startswith("unfinished: ")


def test_constructions_are_those_known_now() -> None:
    """Those of a search that an older release summarised, too."""
    folder = OutputFolder("out")
    finished_packs(Path("out"), 15)
    older = summarise(folder.read_trials()).to_pylist()
    for row in older:
        row["constructed_nmse"] = 0.125
    folder.write_summary(pyarrow.Table.from_pylist(older, SUMMARY))
    for row in rows_of("out"):
        assert row["constructed_nmse"] == constructed_nmse(Configuration.of(row))


@pytest.mark.parametrize("columns", ["20", "80", "200"])
def test_a_table_is_never_cut(columns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    plan = finished_packs(Path("out"), 4)
    shown = dottune("show", "out").stdout
    assert "…" not in shown
    rows = rows_of("out")
    nmse = nmse_notation(row["nmse_search"] for row in rows)
    rate = one_notation(row["learning_rate"] for row in rows)
    for study, row in zip(plan.studies.values(), rows, strict=True):
        line = next(line for line in shown.splitlines() if study_label(study.name) in line)
        cells = line.removeprefix(f" {study_label(study.name)}").split()
        assert cells[0] == f"{nmse(row['nmse_search'])}*"
        assert rate(row["learning_rate"]) in cells


@pytest.mark.parametrize("command", [("show",), ("show", "--best", "2"), ("show", "--by", "depth")])
def test_csv_holds_what_json_holds(finished: Path, command: tuple[str, ...]) -> None:
    rows = json.loads(dottune(*command, str(finished), "--json").stdout)
    text = dottune(*command, str(finished), "--csv").stdout
    read = list(csv.DictReader(io.StringIO(text)))
    assert [list(row) for row in read] == [list(row) for row in rows]
    frame = pandas.read_csv(io.StringIO(text))
    for name in ("nmse", "loss"):
        if name in rows[0]:
            assert frame[name].tolist() == [row[name] for row in rows]


def test_the_best_trials_are_pandas_own(finished: Path) -> None:
    best = rows_of(str(finished), "--best", "2")
    completed = searched(finished).query("status == 'completed'")
    expected = []
    for study in completed["study"].unique():
        of_study = completed[completed["study"] == study].nsmallest(2, "nmse")
        expected += [(study, trial) for trial in of_study["trial"]]
    assert sorted((row["study"], row["trial"]) for row in best) == sorted(expected)
    assert list(best[0]) == TRIALS.names
    assert [row["study"].split(",")[0] for row in best[::2]] == [
        "batch_size=128",
        "batch_size=16",
        "batch_size=8",
    ]
    table = dottune("show", str(finished), "--best", "2").stdout
    for row in best:
        assert f" {row['trial']} " in table


@pytest.mark.parametrize(
    ("name", "groups"),
    [
        ("depth", lambda frame: frame["depth"].astype(str)),
        ("width", lambda frame: frame["width"].astype(str).where(frame["depth"] > 0, "None")),
        ("batch_size", lambda frame: frame["batch_size"].astype(str)),
        ("dimension", lambda frame: frame["dimension"].astype(str)),
        ("activation", lambda frame: frame["activation"]),
        ("steps", lambda frame: frame["schedule_steps"].astype(str)),
        ("momentum", lambda frame: frame["momentum"].astype(object).fillna("None")),
    ],
)
def test_the_best_by_value_is_pandas_own(
    finished: Path, name: str, groups: Callable[[pandas.DataFrame], pandas.Series]
) -> None:
    found = {
        (row["studies"], str(row[name])): (row["nmse"], row["trials"])
        for row in rows_of(str(finished), "--by", name)
    }
    frame = searched(finished)
    studies = "dimension=2" if name == "batch_size" else frame["study"]
    if name == "dimension":
        studies = frame["study"].str.removesuffix(",dimension=2")
    expected = {}
    for key, of_group in frame.assign(group=groups(frame), studies=studies).groupby(
        ["studies", "group"]
    ):
        completed = of_group[of_group["status"] == "completed"]
        best = (completed if len(completed) else of_group)["nmse"].min()
        expected[key] = best, len(of_group)
    assert found == expected


def test_many_values_share_groups(finished: Path) -> None:
    frame = searched(finished)
    rows = rows_of(str(finished), "--by", "learning_rate")
    assert sum(row["trials"] for row in rows) == len(frame)
    for row in rows:
        low, high = map(float, row["learning_rate"].split(" to "))
        rates = frame["learning_rate"]
        within = frame[(low <= rates) & (rates < high) & (frame["study"] == row["best_study"])]
        assert len(within) == row["trials"]
        assert row["best_trial"] in set(within["trial"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--by", "dept"), 'must be a hyperparameter or a field of the task; got "dept"; did you'),
        (("--by", "nmse"), "--by: must be a hyperparameter or a field of the task"),
        (("--by", "epochs"), "epochs is no column of trials; choose steps"),
        (("--by", "depth", "--best", "2"), "--by and --best can't be had at once; choose one"),
        (("--json", "--csv"), "--json and --csv can't be had at once; choose one"),
        (("--best", "0"), "Invalid value for '--best'"),
    ],
)
def test_what_cannot_be_shown_is_refused(
    finished: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = dottune("show", str(finished), *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert message in done.stderr


@pytest.mark.parametrize("arguments", [(), ("--best", "3"), ("--by", "depth"), ("--csv",)])
def test_a_search_without_trials_is_shown(arguments: tuple[str, ...]) -> None:
    finished_packs(Path("out"), 0)
    shown = dottune("show", "out", *arguments)
    assert shown.exit_code == 0, shown.output
    assert "unfinished: 27 of 27 trials are missing" in shown.output


@pytest.mark.parametrize("arguments", [(), ("--best", "3"), ("--by", "initialisation")])
def test_a_search_of_version_1_is_shown(arguments: tuple[str, ...]) -> None:
    shown = dottune("show", str(GOLDEN), *arguments)
    assert shown.exit_code == 0, shown.output
    assert "unfinished" not in shown.output
    assert {row["nmse"] for row in rows_of(str(GOLDEN), *arguments)} <= {
        *pandas.read_parquet(GOLDEN / "trials")["nmse"],
        *pandas.read_parquet(GOLDEN / "summary.parquet")["nmse"],
    }


def test_an_interrupted_search_of_version_1_cannot_go_on() -> None:
    shutil.copytree(GOLDEN, "out")
    Path("out/summary.parquet").unlink()
    max(Path("out/trials").iterdir()).unlink()
    shown = dottune("show", "out").stdout
    assert "unfinished: 1 of 1 studies are not confirmed; an earlier release wrote its" in shown
    assert "resume" not in shown
