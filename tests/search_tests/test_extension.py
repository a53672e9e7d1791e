"""A search that is given more to do keeps its rows, and ends as one that asked for all at once."""

import random
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pandas
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from results import OutputFolder
from results.rows import PackResult, TrialRow
from search.planning.search_plan import SearchPlan
from tests.search_tests.command_line import dottune
from tests.search_tests.studies import (
    MEASURED,
    RecordedPlan,
    content,
    rows_of,
    run_all,
    tiny,
    train_once,
    written,
)
from trainables import Pack, PackKey

CONFIRM = {"replicates": 2, "steps_factors": [1, 2]}
GROWN: dict[str, dict[str, Any]] = {
    "trials": {"budget": {"trials": 18, "pack_size": 3}},
    "a last pack that is smaller": {"budget": {"trials": 11, "pack_size": 3}},
    "replicates": {"confirm": {"replicates": 4, "steps_factors": [1, 2]}},
    "a factor": {"confirm": {"replicates": 2, "steps_factors": [1, 2, 4]}},
    "both, and more trials": {
        "budget": {"trials": 15, "pack_size": 3},
        "confirm": {"replicates": 3, "steps_factors": [1, 2, 4]},
    },
}


def searched(rows: list[TrialRow]) -> list[tuple[Any, ...]]:
    return sorted(
        (row.study, row.trial, row.pack, row.status, row.nmse or 0.0)
        for row in rows
        if row.phase == "search"
    )


def confirmed(rows: list[TrialRow]) -> dict[tuple[Any, ...], float | None]:
    found = {
        (row.study, row.trial, row.steps_factor, row.replicate): row.nmse
        for row in rows
        if row.phase == "confirm"
    }
    assert len(found) == sum(row.phase == "confirm" for row in rows)  # nobody twice
    return found


@settings(max_examples=40, deadline=None)
@given(st.sampled_from([*GROWN.values()]), st.integers(0, 12), st.randoms(use_true_random=False))
def test_an_extended_search_is_the_larger_one(
    grown: dict[str, Any], stop_after: int, order: random.Random
) -> None:
    """Stopped anywhere, extended, stopped again: packs finish in any order."""
    small, large = tiny(confirm=CONFIRM), tiny(**{"confirm": CONFIRM, **grown})
    at_once = RecordedPlan(large)
    run_all(at_once, train_once)
    done: dict[PackKey, PackResult] = {}
    for spec, most in ((small, 1000), (large, stop_after), (large, 1000)):
        plan = RecordedPlan(spec)
        for key, result in order.sample([*done.items()], len(done)):
            plan.finish(key, result)
        trained_now = _some_packs(plan, most, order)
        assert not done.keys() & trained_now.keys()  # a number names one pack
        done |= trained_now
    assert plan.finished
    rows = rows_of(plan)
    assert searched(rows) == searched(rows_of(at_once))
    expected = confirmed(rows_of(at_once))
    found = confirmed(rows)
    assert expected.items() <= found.items()
    winners = {(study, trial) for study, trial, *_ in expected}
    superseded = {key for key in found if key not in expected}
    assert not winners & {(study, trial) for study, trial, *_ in superseded}


def _some_packs(plan: SearchPlan, most: int, order: random.Random) -> dict[PackKey, PackResult]:
    done: dict[PackKey, PackResult] = {}
    in_flight: list[Pack] = []
    while len(done) < most:
        while len(in_flight) < 3 and (pack := plan.next_pack()):
            in_flight.append(pack)
        if not in_flight:
            break
        pack = in_flight.pop(order.randrange(len(in_flight)))
        done[pack.key] = train_once(pack)
        plan.finish(pack.key, done[pack.key])
    return done


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(
        tmp_path_factory.mktemp("finished") / "out", tiny(confirm=CONFIRM, tensorboard="off")
    )


@pytest.mark.usefixtures("two_cpus")
def test_resume_extends_a_finished_search(finished: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(finished, out)
    before = content(out / "trials")
    more = ["--set", "budget.trials=18", "--set", "confirm.replicates=3"]
    done = dottune("resume", str(out), *more)
    assert done.exit_code == 0, done.output
    assert before.items() <= content(out / "trials").items()
    frame = OutputFolder(out).read_trials().to_pandas()
    spec = tiny(
        confirm={**CONFIRM, "replicates": 3},
        budget={"trials": 18, "pack_size": 3},
        tensorboard="off",
    )
    at_once = OutputFolder(written(tmp_path / "at-once", spec)).read_trials().to_pandas()
    pandas.testing.assert_frame_equal(
        _searched(frame).drop(columns=MEASURED), _searched(at_once).drop(columns=MEASURED)
    )
    summary = OutputFolder(out).read_summary().to_pandas()
    assert summary["trials"].tolist() == [18, 18]
    for row in summary.itertuples():
        replicates = frame[
            (frame["study"] == row.study)
            & (frame["trial"] == row.best_trial)
            & (frame["phase"] == "confirm")
        ]
        assert Counter(replicates["steps_factor"]) == {1: 3, 2: 3}
    shown = dottune("show", str(out))
    assert "unfinished" not in shown.output
    again = dottune("resume", str(out))
    assert again.exit_code == 0, again.output
    assert "workers" not in again.stderr  # there was nothing to do


def _searched(frame: pandas.DataFrame) -> pandas.DataFrame:
    return frame[frame["phase"] == "search"].reset_index(drop=True)


def test_an_extension_that_was_stopped_is_shown_as_unfinished(
    finished: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    shutil.copytree(finished, out)
    spec = tiny(confirm={**CONFIRM, "replicates": 3}, tensorboard="off")
    (out / "spec.yaml").write_text(spec.to_yaml())
    shown = dottune("show", str(out))
    assert shown.exit_code == 0, shown.output
    assert shown.output.count("2 replicates") == 2  # one for each steps factor
    assert "2 of 2 studies are not confirmed" in shown.output
    larger = tiny(budget={"trials": 12, "pack_size": 3}, confirm=CONFIRM, tensorboard="off")
    (out / "spec.yaml").write_text(larger.to_yaml())
    shown = dottune("show", str(out))
    assert "6 of 24 trials are missing" in shown.output


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["budget.trials=6"], "got budget.trials: 6, was 9 for"),
        (["budget.pack_size=4"], "got budget.pack_size: 4, was 3 for"),
        (["seed=1", "fixed.steps=5"], "got fixed.steps: 5, was 4; seed: 1, was 0 for"),
        (["confirm.replicates=1"], "got confirm.replicates: 1, was 2 for"),
        (["confirm.steps_factors=[1]"], "got confirm.steps_factors: [1], was [1, 2] for"),
        (["confirm=null"], "got confirm: null, was "),
        (["grid.dimension=[2, 3]"], "got grid: without the study dimension=1 for"),
        (["sampler=random"], 'got sampler: "random", was "tpe" for'),
        (["buget.trials=18"], "buget: unknown key"),
        (["budget.trials=many"], "budget.trials: "),
    ],
)
def test_what_can_t_be_extended_is_refused(
    finished: Path, overrides: list[str], message: str
) -> None:
    before = content(finished)
    sets = [part for each in overrides for part in ("--set", each)]
    done = dottune("resume", str(finished), *sets)
    assert done.exit_code == 2, done.output
    assert message in done.stderr
    assert content(finished) == before


def test_packs_are_added_whole(tmp_path: Path) -> None:
    """The last pack of 10 trials holds one, which was judged alone."""
    spec = tiny(budget={"trials": 10, "pack_size": 3}, confirm=CONFIRM, tensorboard="off")
    out = written(tmp_path / "out", spec)
    before = content(out)
    done = dottune("resume", str(out), "--set", "budget.trials=12")
    assert done.exit_code == 2, done.output
    assert (
        "budget.trials: 12, but pack 3 of dimension=1 has 1 trials, and 3 by the spec: packs are "
        "added whole" in done.stderr
    )
    assert content(out) == before
