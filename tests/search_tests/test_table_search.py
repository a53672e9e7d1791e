"""A search on a user's own ratings: what is read of them, and what becomes of it."""

import json
import os
import random
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pandas
import pytest
from typer.testing import CliRunner, Result

from results import OutputFolder
from results.rows import trials_of
from search import run_search
from search.commands.cli import application
from search.planning.search_plan import SearchPlan
from search.reproducing.reproduction_script import reproduction_script
from search.table_facts import with_table_facts
from spaces import SpecError, load_spec, studies
from tests.search_tests.studies import trained
from tests.trainables_tests.rating_tables import made_up_ratings, written


def spec_on(table: str, **changes: Any) -> dict[str, Any]:
    return {
        "name": "rated",
        "space": {"factors": {"low": 2, "high": 5}},
        "fixed": {"model": "dot_bias", "epochs": 2, "batch_size": 20},
        "task": {"data": {"table": table}},
        "budget": {"trials": 4, "pack_size": 2},
        "confirm": {"replicates": 2},
    } | changes


@pytest.fixture
def frame() -> pandas.DataFrame:
    return made_up_ratings(200)


@pytest.fixture
def table(tmp_path: Path, frame: pandas.DataFrame) -> str:
    return written(frame, tmp_path / "ratings.csv")


def test_what_is_found_in_the_table_is_part_of_the_spec(
    table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(table).parent)
    spec = with_table_facts(load_spec(spec_on("ratings.csv")))
    assert spec.task.table == table  # which means the same wherever it is read
    (study,) = studies(spec)
    assert study.name == "data=table"
    task = study.task
    assert (task["pairs"], task["split_seed"], task["shuffle"]) == (160, 0, True)
    assert task["dimension"] is None
    assert study.fixed["steps"] == 16
    assert with_table_facts(spec) == spec
    assert load_spec(spec.to_mapping()) == spec
    other = load_spec("smoke")
    assert with_table_facts(other) is other


def test_a_range_that_leaves_out_ratings_is_told_of(table: str, frame: pandas.DataFrame) -> None:
    lowest, highest = frame["rating"].min(), frame["rating"].max()
    inside, wide = [lowest + 0.25, highest], [lowest, highest]
    ranges = {"y_range": {"choices": ["none", inside, wide]}}
    told: list[str] = []
    spec = with_table_facts(load_spec(spec_on(table, space=ranges)), tell=told.append)
    (note,) = told
    outside, of = map(int, re.findall(r"^y_range: (\d+) of the (\d+) ratings to train on", note)[0])
    assert of == spec.task.pairs == 160
    lowest_of_all = int((frame["rating"] < inside[0]).sum())
    assert lowest_of_all - 40 <= outside <= lowest_of_all  # 40 are held out
    assert f"lie outside {float(inside[0])} to {float(inside[1])}, which no prediction" in note
    assert f"between {lowest:g} and {highest:g}, so a range a little wider" in note


def test_ranking_changes_no_seed_and_is_another_search(table: str, tmp_path: Path) -> None:
    """Nothing else is trained; and a search whose rows are ranked holds none that are not."""
    seeds = []
    for ranking in (False, True):
        spec = with_table_facts(
            load_spec(spec_on(table, task={"data": {"table": table, "ranking": ranking}}))
        )
        pack = SearchPlan(spec).next_pack()
        assert pack is not None
        seeds.append([(each.data_seed, each.initialisation_seed) for each in pack.members])
        OutputFolder(tmp_path / "out").write_text("spec.yaml", spec.to_yaml())
    assert seeds[0] == seeds[1]
    refused = dottune("resume", str(tmp_path / "out"), "--set", "task.ranking=false")
    assert refused.exit_code == 2
    assert "task" in refused.stderr


def test_the_same_ratings_elsewhere_are_the_same_search(
    table: str, tmp_path: Path, frame: pandas.DataFrame
) -> None:
    """In another format, under other names: the seeds and so the rows are the same."""
    names = {"user": "who", "item": "what", "rating": "stars"}
    moved = written(frame.rename(columns=names), tmp_path / "moved.parquet")
    seeds = []
    for where in ({"table": table}, {"table": moved, **names}):
        pack = SearchPlan(
            with_table_facts(load_spec(spec_on("") | {"task": {"data": where}}))
        ).next_pack()
        assert pack is not None
        seeds.append([(each.data_seed, each.initialisation_seed) for each in pack.members])
        row = trained(pack).trials[0]
        seeds[-1].append((row.loss, row.rmse))  # type: ignore[arg-type]
    assert seeds[0] == seeds[1]
    changed = written(frame.assign(rating=1 + frame.index % 2), tmp_path / "changed.csv")
    other = SearchPlan(with_table_facts(load_spec(spec_on(changed)))).next_pack()
    assert other is not None
    assert other.members[0].data_seed != seeds[0][0][0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"users": 5}, r"task.users: must be what the table holds \(40\); got 5; leave it out"),
        ({"fingerprint": "abc"}, "task.table: must hold what it held when the spec's fingerprint"),
        ({"rating": "stars"}, "task.table: must have a column stars .rating.; it has 4 columns"),
    ],
)
def test_a_spec_that_says_something_else_is_refused(
    table: str, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(SpecError, match=message):
        with_table_facts(load_spec(spec_on(table, task={"data": {"table": table}, **changes})))


def test_what_doesn_t_go_with_the_table_is_refused_when_it_is_read(table: str) -> None:
    fixed = {"model": "dot", "epochs": 2, "batch_size": 161}
    with pytest.raises(SpecError, match=r"batch_size: must not exceed the fewest .* \(160\)"):
        with_table_facts(load_spec(spec_on(table, fixed=fixed)))
    halving = {"halving": {"grace_period": 17}}
    with pytest.raises(SpecError, match=r"grace_period: must not exceed the smallest steps \(16"):
        with_table_facts(load_spec(spec_on(table, **halving)))


@pytest.mark.parametrize("name", ["ratings.parquet", "ratings.csv"])
@pytest.mark.parametrize("timestamp", [None, "the $time"])
def test_the_printed_program_reads_the_table_as_we_do(
    name: str, timestamp: str | None, tmp_path: Path, frame: pandas.DataFrame
) -> None:
    """Of any format, whatever its columns are called, with dates as times."""
    frame = frame.assign(timestamp=pandas.to_datetime(frame["timestamp"], unit="s"))
    _same_of_the_program(frame, timestamp, tmp_path / name)


TEXTS: dict[str, Callable[[int], str]] = {
    "numbers": lambda second: f" {second} ",
    "numbers, some whole": lambda second: f"{second / 2:g}",
    "dates of several zones": lambda second: datetime.fromtimestamp(
        second, timezone(timedelta(hours=second % 9 - 4))
    ).isoformat(),
    "dates, some with fractions": lambda second: (
        datetime.fromtimestamp(second // 1400, UTC).strftime("%Y-%m-%d %H:%M:%S")
        + (".5Z" if second % 1400 else "Z")
    ),
}


@pytest.mark.parametrize("name", ["ratings.parquet", "ratings.csv"])
@pytest.mark.parametrize("written_as", TEXTS)
def test_the_printed_program_reads_texts_of_times_as_we_do(
    name: str, written_as: str, tmp_path: Path, frame: pandas.DataFrame
) -> None:
    """By time is not by letter: of numbers with more digits, of hours in other zones."""
    seconds = range(0, 700 * len(frame), 700)
    texts = [*map(TEXTS[written_as], seconds)]
    random.Random(0).shuffle(texts)
    assert sorted(texts) != [*map(TEXTS[written_as], seconds)]
    _same_of_the_program(frame.assign(timestamp=texts), "the $time", tmp_path / name)


def _same_of_the_program(frame: pandas.DataFrame, timestamp: str | None, file: Path) -> None:
    names = {"user": "who's", "item": "${what}", "rating": 'so "many"', "timestamp": "the $time"}
    table = written(frame.rename(columns=names).set_index("who's", drop=False), file)
    data = {"table": table, **names, "timestamp": timestamp}
    pack = SearchPlan(with_table_facts(load_spec(spec_on("", task={"data": data})))).next_pack()
    assert pack is not None
    row = trained(pack).trials[0]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", reproduction_script(row)],
        cwd=file.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    assert float(done.stdout.split()[1]) == pytest.approx(row.nmse, rel=1e-4)


def dottune(*arguments: str) -> Result:
    return CliRunner().invoke(application, [*arguments])


def test_every_command_says_what_is_wrong_with_a_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for command in (["run"], ["plan"], ["submit", "--out", "s3://bucket/out"]):
        refused = dottune(*command, "ratings", "--set", "task.table=s3://a:b@bucket/ratings.csv")
        assert refused.exit_code == 2
        assert (
            "error: task.table: must hold no credentials and no options; got s3://***"
            in refused.stderr
        )
    for command in (["run"], ["plan"]):
        refused = dottune(*command, "ratings")
        assert refused.exit_code == 2
        message = f"error: task.table: there is no file {tmp_path}/ratings.csv; name yours with "
        assert message + "--set task.table=FILE" in refused.stderr
    refused = dottune("submit", "ratings", "--out", "s3://bucket/out")
    assert refused.exit_code == 2
    assert "task.table: a local path names another file on every machine" in refused.stderr
    assert os.listdir(tmp_path) == []


def test_a_search_on_workers_and_what_is_done_with_it(
    two_cpus: None,
    table: str,
    frame: pandas.DataFrame,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    out = str(tmp_path / "out")
    grid = {"grid": {"model": ["dot", "neumf"]}, "fixed": {"epochs": 2, "batch_size": 20}}
    grid["task"] = {"data": {"table": "ratings.csv", "ranking": True}}
    result = run_search(spec_on("ratings.csv", **grid), out)
    assert result.failed == {}
    assert result.report is not None
    rows = trials_of(OutputFolder(out).read_trials())
    assert len(rows) == 2 * (4 + 2)
    assert all(row.rmse is not None and row.column("table") == table for row in rows)
    assert all(0 < (row.ndcg_at_10 or 0) < 1 and 0 < (row.recall_at_10 or 0) < 1 for row in rows)
    for command in ([], ["--best", "2"]):
        shown = dottune("show", out, *command)
        assert shown.exit_code == 0, shown.output
        assert "rmse, recall@10, ndcg@10: on the test ratings" in " ".join(shown.stdout.split())
    assert "recall@10" in Path(out, "report.html").read_text()
    again = run_search(spec_on("ratings.csv", **grid), out, resume_if_there=True)
    assert again.trials.equals(result.trials)

    longer = dottune("resume", out, "--set", "budget.trials=6")
    assert longer.exit_code == 0, longer.output
    undisturbed = str(tmp_path / "undisturbed")
    overrides = ["budget.trials=6", f"task.table={table}"]
    whole = run_search(spec_on(table, **grid), undisturbed, overrides=overrides)
    found, expected = (
        {
            row.key: (row.loss, row.rmse, row.ndcg_at_10)
            for row in trials_of(OutputFolder(uri).read_trials())
        }
        for uri in (out, undisturbed)
    )
    assert expected.items() <= found.items()  # where also what was the best before is confirmed
    for name in ("rmse", "recall_at_10", "ndcg_at_10"):
        assert (whole.summary[name] > 0).all()

    one = ["reproduce", out, "--study", "model=neumf", "--trial", "1"]
    reproduced = dottune(*one, "--to", str(tmp_path / "network.pt"))
    assert reproduced.exit_code == 0, reproduced.output
    assert "the same, to the last bit" in reproduced.stdout

    compared = dottune("compare", out, undisturbed)
    assert compared.exit_code == 0, compared.output
    assert "rmse, recall@10, ndcg@10: on the test ratings" in " ".join(compared.stdout.split())
    in_json = json.loads(dottune("compare", out, undisturbed, "--json").stdout)
    assert all(row["rmse"] > 0 and 0 < row["ndcg_at_10"] < 1 for row in in_json)

    moved = Path(table).rename(tmp_path / "moved.csv")
    there = ("--set", f"task.table={moved.name}")  # in the folder in which we are
    refused = dottune("resume", out, "--set", "budget.trials=8")
    assert refused.exit_code == 2
    assert f"task.table: there is no file {table}" in refused.stderr
    further = dottune("resume", out, "--set", "budget.trials=8", *there)
    assert further.exit_code == 0, further.output
    rows = trials_of(OutputFolder(out).read_trials())
    assert {row.column("table") for row in rows} == {table, str(moved)}
    reproduced = dottune(*one)  # a row that was trained where the table was
    assert reproduced.exit_code == 0, reproduced.output
    assert "the same, to the last bit" in reproduced.stdout
    assert str(moved) in dottune(*one, "--script").stdout
    overrides = ["budget.trials=6", "task.table=moved.csv"]
    again = run_search(spec_on("", **grid), undisturbed, overrides=overrides, resume_if_there=True)
    assert again.trials.equals(whole.trials)

    table = str(moved)
    written(frame.assign(rating=frame["rating"] + 1), Path(table))
    refused = dottune("resume", out, "--set", "budget.trials=10")
    assert refused.exit_code == 2
    assert "task.table: must hold what it held when the spec's fingerprint" in refused.stderr
    Path(table).unlink()
    shown = dottune("show", out)
    assert shown.exit_code == 0, shown.output  # which needs no table
    assert dottune("resume", out).exit_code == 0  # nor what has finished
    from trainables.sources import rated_table

    rated_table._ratings.cache_clear()
    refused = dottune(*one)
    assert refused.exit_code == 2
    assert f"error: this row's table there is no file {table}" in refused.stderr
