"""budget.time: a search that ends in time, well, and can be given more of it."""

import errno
import heapq
import io
import itertools
import json
import math
import random
import shutil
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from results import TRIALS, OutputFolder
from results.rows import TrialRow, table_of_trials
from search import run_search
from search.planning.search_plan import SearchPlan
from search.saved_search.spec_changes import growth, row_changes
from search.saved_search.time_used import time_used
from search.tune.time_budget import TimeBudget
from spaces import load_spec
from tests.search_tests.command_line import dottune
from tests.search_tests.studies import RecordedPlan, content, rows_of, run_all, tiny, train_once
from trainables import Pack

BUDGET = {"trials": 30, "pack_size": 3}
BUDGETS = (BUDGET, {"pack_size": 3, "time": "1h"})
"""The second with the time in place of a number of trials."""
ROW = ["study", "phase", "trial", "replicate", "steps_factor"]
"""What no two rows have in common."""


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90.0), ("30min", 1800.0), ("2h", 7200.0), ("1.5d", 129_600.0), ("0.5 h", 1800.0)],
)
def test_a_time_has_a_unit(text: str, seconds: float) -> None:
    spec = tiny(budget={**BUDGET, "time": text})
    assert spec.budget.seconds == seconds
    assert load_spec(spec.to_mapping()) == spec


@pytest.mark.parametrize("value", ["2", 2, 2.5, "-1h", "0s", "2 weeks", "h", "1e3s", True, "", []])
def test_anything_else_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"budget\.time: must be a time, .* write 90s, 30min, 2h"):
        tiny(budget={**BUDGET, "time": value})


def test_a_time_alone_stands_in_place_of_trials() -> None:
    for budget in ({"time": "2h"}, {"time": "2h", "trials": None}):
        spec = tiny(budget=budget)
        assert spec.budget.trials is None
        assert spec.budget.members(10**6) == spec.budget.pack_size == 16
        assert load_spec(spec.to_mapping()) == spec
        assert not spec.notes()
    assert tiny(budget={"time": "2h", "trials": 7}).budget.trials == 7
    assert tiny(budget={"time": None}).budget.trials == 64
    assert tiny(budget={"time": "2h"}, resources={"gpus": 1}).budget.pack_size == 512


def test_something_ends_a_search() -> None:
    message = (
        r"budget\.trials: must be a number where no budget\.time ends the search; got null; write "
        r"a number \(trials: 64\), or give a time \(--set budget\.time=2h\)"
    )
    with pytest.raises(ValueError, match=message):
        tiny(budget={"trials": None})
    with pytest.raises(ValueError, match=message):
        load_spec(tiny(budget={"time": "2h"}).to_mapping(), ["budget.time=null"])


def test_a_time_in_place_of_trials_is_more_of_them() -> None:
    some, all_there_is_time_for = (tiny(budget=budget) for budget in BUDGETS)
    assert not row_changes(some, all_there_is_time_for)
    assert growth(some, all_there_is_time_for) == ["budget.trials: null, was 30"]
    assert row_changes(all_there_is_time_for, some) == ["budget.trials: 30, was null"]


def searched(plan: RecordedPlan) -> dict[Any, Any]:
    rows = (row for row in rows_of(plan) if row.phase == "search")
    return {(row.study, row.trial): (row.status, row.nmse) for row in rows}


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(BUDGETS),
    st.integers(0, 12),
    st.integers(1, 4),
    st.randoms(use_true_random=False),
)
def test_a_closed_search_ends_what_it_began_and_confirms(
    budget: dict[str, Any], close_after: int, workers: int, order: random.Random
) -> None:
    plan = RecordedPlan(tiny(budget=budget))
    assert plan.trials == (60 if "trials" in budget else None)
    in_flight: list[Pack] = []
    done = 0
    while True:
        if done >= close_after and not plan.closed:
            started = {study.name: study.started for study in plan.studies.values()}
            plan.close()
        while len(in_flight) < workers and (pack := plan.next_pack()):
            assert not plan.closed or pack.phase == "confirm"
            in_flight.append(pack)
        if not in_flight:
            break
        pack = in_flight.pop(order.randrange(len(in_flight)))
        plan.finish(pack.key, train_once(pack))
        done += 1
    assert plan.finished
    assert plan.next_pack() is None
    assert plan.trials == plan.trials_ended
    undisturbed = RecordedPlan(tiny(budget=BUDGET))
    run_all(undisturbed, train_once)
    assert searched(plan).items() <= searched(undisturbed).items()
    for name in plan.studies:
        rows = [row for row in plan.rows[name] if row.phase == "search"]
        assert len(rows) == 3 * started[name]
        completed = [row for row in rows if row.status == "completed"]
        replicates = [row for row in plan.rows[name] if row.phase == "confirm"]
        best = min(completed, key=lambda row: (row.nmse, row.trial), default=None)
        assert {row.trial for row in replicates} == (set() if best is None else {best.trial})
        assert len(replicates) == (0 if best is None else 4)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    "of_a_row", [lambda row: 1.5 * row.steps, lambda row: (row.flops or 0.0) / 120]
)
@pytest.mark.parametrize("budget", BUDGETS)
def test_time_is_left_for_a_pack_and_for_confirm(
    budget: dict[str, Any], of_a_row: Callable[[TrialRow], float]
) -> None:
    """No pack begins that would not end, or whose winner could not be confirmed."""
    plan = RecordedPlan(tiny(budget={**budget, "time": "100s"}, grid={"dimension": [1]}))
    clock, up = Clock(), []
    time = TimeBudget(plan, workers=1, when_up=lambda: up.append(clock.now), clock=clock)
    longest = 0.0
    while pack := _next(plan, time):
        result = train_once(pack)
        seconds = sum(map(of_a_row, result.trials))
        longest = max(longest, seconds)
        clock.now += seconds
        plan.finish(pack.key, result)
        time.take(_lasting(result, seconds))
    assert plan.finished
    assert len(up) == 1
    assert [row.phase for row in rows_of(plan)].count("confirm") == 4
    assert clock.now <= 100.0
    assert clock.now > 100.0 - 2 * longest  # and little of it is left unused


@settings(max_examples=25)
@given(
    workers=st.integers(1, 5),
    waiting=st.integers(0, 8),
    seconds=st.integers(5, 25),
    sampler=st.sampled_from(["random", "tpe"]),
)
def test_packs_that_wait_for_a_worker_are_done_in_time_too(
    workers: int, waiting: int, seconds: int, sampler: str
) -> None:
    """However many are handed out ahead, as on a cluster where they wait for a free worker."""
    budget = {"trials": None, "pack_size": 3, "time": f"{seconds}s"}
    confirm = {"replicates": 2, "steps_factors": [1]}
    plan, clock = SearchPlan(tiny(budget=budget, sampler=sampler, confirm=confirm)), Clock()
    time = TimeBudget(plan, workers=workers, when_up=lambda: None, clock=clock)
    queue: deque[Pack] = deque()
    training: list[tuple[float, int, Pack]] = []
    begun = itertools.count()
    while True:
        while len(queue) + len(training) < workers + waiting:
            time.look(packs_in_flight=len(queue) + len(training))
            if (pack := plan.next_pack()) is None:
                break
            queue.append(pack)
        while queue and len(training) < workers:
            heapq.heappush(training, (clock.now + 1.0, next(begun), queue.popleft()))
        if not training:
            break
        clock.now, _, pack = heapq.heappop(training)
        result = train_once(pack)
        plan.finish(pack.key, result)
        time.take(_lasting(result, 1.0))
    assert plan.finished
    # What is handed out before anything has ended is trained, and confirmed, in any case.
    least = math.ceil((workers + waiting) / workers) + 2.0
    assert clock.now <= max(seconds, least)
    assert clock.now >= seconds - 5  # and little of it is left unused


def _next(plan: SearchPlan, budget: TimeBudget) -> Pack | None:
    budget.look(packs_in_flight=0)
    return plan.next_pack()


def _lasting(result: Any, seconds: float) -> Any:
    trials = tuple(replace(row, pack_seconds=seconds) for row in result.trials)
    return replace(result, trials=trials)


def test_the_time_of_a_killed_run_is_that_of_its_rows() -> None:
    pack = RecordedPlan(tiny()).next_pack()
    assert pack is not None
    row = train_once(pack).trials[0]
    began = row.started_at.replace(microsecond=0)
    records: list[dict[str, Any]] = [
        {"started_at": "2026-01-01T00:00:00+00:00", "finished_at": "2026-01-01T00:10:00+00:00"},
        {"started_at": began.isoformat(), "finished_at": None},
        {"started_at": began.isoformat(), "finished_at": None},
    ]
    rows = [
        replace(row, execution=1, pack_seconds=5.0),
        replace(row, execution=1, pack_seconds=2.0, trial=row.trial + 1),
    ]
    expected = 600.0 + (row.started_at - began).total_seconds() + 5.0
    assert time_used(records, table_of_trials(rows)) == pytest.approx(expected)


class Gone(io.StringIO):
    """A terminal that is closed when the search says that its time is up."""

    def write(self, text: str) -> int:
        if "are up" in text:
            raise OSError(errno.EIO, "Input/output error")
        return super().write(text)


@pytest.mark.usefixtures("two_cpus")
def test_on_a_cluster_packs_that_wait_for_nothing_are_held_back_too(tmp_path: Path) -> None:
    """However many the search has; and nothing that is said when the time is up can end it."""
    out = tmp_path / "out"
    spec = tiny(
        grid={"dimension": [1]},
        fixed={"multiplication": True, "steps": 6000, "batch_size": 64},
        budget={"trials": 900, "pack_size": 3, "time": "3s"},
        sampler="random",
        halving=None,
        tensorboard="off",
    )
    console = Console(file=Gone(), force_terminal=False)
    trials = run_search(spec, str(out), console=console).trials
    (record,) = json.loads((out / "provenance.json").read_text())["executions"]
    packs = trials[trials["phase"] == "search"].drop_duplicates("pack")
    late = packs["started_at"] > pd.Timestamp(record["time_up"])
    assert len(packs) < 300
    assert late.sum() <= 2 * 2  # what two workers had, and what waited for them
    assert (trials["phase"] == "confirm").sum() == 4


@pytest.mark.usefixtures("two_cpus")
def test_a_search_ends_in_time_and_is_given_more(tmp_path: Path) -> None:
    out = tmp_path / "out"
    more = ("budget.trials=null", "budget.pack_size=8", "fixed.steps=1000", "budget.time=12s")
    sets = [part for each in more for part in ("--set", each)]
    done = dottune("run", "smoke", "--out", str(out), *sets)
    assert done.exit_code == 0, done.output
    assert "2 studies, as many trials as 12s allow (budget.time) and 8 replicates" in done.stderr
    assert "2 studies of as many trials as 12s allow" in done.stderr
    assert "budget.time: 12s are up: no further pack of the search begins" in done.stderr
    trials = OutputFolder(out).read_trials().to_pandas()
    counts = trials[trials["phase"] == "search"].groupby("study").size()
    assert len(counts) == 2
    assert f"\n{counts.sum()}/{counts.sum()} trials · " in done.stderr  # when the time was up
    assert set(trials[trials["phase"] == "confirm"]["study"]) == set(counts.index)
    assert len(OutputFolder(out).read_summary()) == 2
    (record,) = json.loads((out / "provenance.json").read_text())["executions"]
    assert record["time_up"]
    shown = dottune("show", str(out))
    assert "unfinished" not in shown.output
    assert "missing" not in shown.output

    assert "the first 250 trials of each study" in done.stderr
    page = (out / "report.html").read_text()
    assert f"{counts.sum():,} trials and their confirm replicates were trained" in page
    study = counts.index[-1]
    last = ("--study", study, "--trial", str(counts.iloc[-1] - 1))
    assert dottune("reproduce", str(out), *last, "--to", str(tmp_path / "n.pt")).exit_code == 0

    written = content(out / "trials")
    again = dottune("resume", str(out))
    assert again.exit_code == 0, again.output
    assert "workers" not in again.stderr  # nothing is left to do
    assert "budget.time: 12s are used up: --set budget.time gives it more" in again.stderr
    assert content(out / "trials") == written

    killed = tmp_path / "killed"  # as if it had been killed while there was time left
    shutil.copytree(out, killed)
    (killed / "summary.parquet").unlink()
    del record["time_up"]
    (killed / "provenance.json").write_text(json.dumps({"executions": [record]}))
    assert "its time is not up yet (budget.time: 12s)" in dottune("show", str(killed)).output

    stopped = tmp_path / "stopped"  # as if it had been killed before it could confirm
    shutil.copytree(out, stopped)
    for part in (stopped / "trials").glob("*-confirm-*"):
        part.unlink()
    (stopped / "summary.parquet").unlink()
    assert "2 of 2 studies are not confirmed" in dottune("show", str(stopped)).output
    done = dottune("resume", str(stopped))
    assert done.exit_code == 0, done.output
    keys = trials.set_index(ROW).index
    assert set(OutputFolder(stopped).read_trials().to_pandas().set_index(ROW).index) == set(keys)
    assert "workers" not in dottune("resume", str(stopped)).stderr

    seconds = time_used([record], TRIALS.empty_table())
    longer = dottune("resume", str(out), "--set", f"budget.time={seconds + 8:.0f}s")
    assert longer.exit_code == 0, longer.output
    grown = OutputFolder(out).read_trials().to_pandas().set_index(ROW)
    assert (grown.index.get_level_values("phase") == "search").sum() > counts.sum()
    pd.testing.assert_frame_equal(grown.loc[keys], trials.set_index(ROW))
