"""What a search will take: its work, its time against a simulated clock, and `dottune plan`."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.forecasting.forecast import _simulated
from search.forecasting.pack_work import FORWARD, NOTHING, work_of
from search.forecasting.simulation import simulate
from search.forecasting.speed import Speed
from spaces import Spec
from tests.search_tests.command_line import dottune
from tests.search_tests.studies import RecordedPlan, rows_of, run_all, tiny, train_once
from trainables import PackKey
from trainables.sources.batches import RUNG_PAIRS, SELECTION_PAIRS

SPECS = {
    "halved": tiny(),
    "not halved": tiny(halving=None),
    "not confirmed": tiny(confirm=None),
    "a last pack of one": tiny(budget={"trials": 7, "pack_size": 3}),
    "two in flight": tiny(budget={"trials": 9, "pack_size": 3, "packs_in_flight": 2}),
    "three to start": tiny(budget={"trials": 9, "pack_size": 2, "startup_packs": 3}),
    "random": tiny(sampler="random"),
    "epochs": tiny(
        fixed={"multiplication": True, "epochs": 2, "batch_size": 8},
        task={"data": {"fixed": 16}},
    ),
}
specs = pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)


@specs
def test_the_work_is_what_the_packs_then_do(spec: Spec) -> None:
    packs = run_all(plan := RecordedPlan(spec))
    works = {each.first.study: each for each in work_of(spec)}
    totals = [each.total for each in works.values() if each.total is not None]
    steps = sum(row.steps for row in rows_of(plan))
    assert sum(totals, NOTHING).member_steps == steps
    assert sum((works[pack.key.study].of(pack.key) for pack in packs), NOTHING) == pytest.approx(
        sum(totals, NOTHING)
    )
    assert sum(each.packs or 0 for each in works.values()) == len(packs)


def test_the_arithmetic_is_that_of_the_rows_and_of_the_evaluations() -> None:
    """Where all networks are alike nothing has to be guessed."""
    spec = tiny(
        space={"learning_rate": {"low": 1e-3, "high": 1e-2, "log": True}},
        fixed={"multiplication": True, "steps": 4, "batch_size": 8, "depth": 1, "width": 3},
    )
    everything = run_all(plan := RecordedPlan(spec))
    rows = rows_of(plan)
    # Three in a pack, of which the best two, then one, go on from the rung at step 2.
    packs = [pack for pack in everything if pack.phase == "search"]
    evaluated = {
        row.study: sum(
            3 * RUNG_PAIRS + 2 * SELECTION_PAIRS for each in packs if each.study == row.study
        )
        + 4 * SELECTION_PAIRS
        for row in rows
    }
    for work, study in zip(work_of(spec), dict.fromkeys(row.study for row in rows), strict=True):
        of_study = [row for row in rows if row.study == study]
        flops = [row.flops for row in of_study if row.flops is not None]
        assert len(flops) == len(of_study)
        per_pair = flops[0] / of_study[0].samples
        expected = sum(flops) + FORWARD * per_pair * evaluated[study]
        assert work.total is not None
        assert work.total.flops == pytest.approx(expected, rel=1e-12)


@specs
def test_the_packs_start_in_the_order_of_a_real_search(spec: Spec) -> None:
    started: list[PackKey] = []

    def seconds_of(key: PackKey) -> float:
        started.append(key)
        return 1.0

    found = simulate(spec, 1, seconds_of)
    assert started == [pack.key for pack in run_all(RecordedPlan(spec))]
    assert found.seconds == found.busy_seconds == found.packs == len(started)
    assert found.utilisation(1) == 1.0


def seconds_by(draw: Callable[[], float]) -> Callable[[PackKey], float]:
    known: dict[PackKey, float] = {}
    return lambda key: known.setdefault(key, draw())


@settings(max_examples=50, deadline=None)
@given(st.data(), st.sampled_from([*SPECS.values()]), st.integers(1, 6))
def test_no_time_is_shorter_than_it_can_be(data: st.DataObject, spec: Spec, workers: int) -> None:
    seconds_of = seconds_by(lambda: data.draw(st.floats(0.1, 10.0)))
    found = simulate(spec, workers, seconds_of)
    keys = [pack.key for pack in run_all(RecordedPlan(spec), train_once)]
    assert found.packs == len(keys)
    assert found.busy_seconds == pytest.approx(sum(map(seconds_of, keys)))
    assert found.seconds >= found.busy_seconds / workers * (1 - 1e-12)
    assert found.seconds <= found.busy_seconds * (1 + 1e-12)
    assert 1 <= found.most_busy <= min(workers, RecordedPlan(spec).packs_at_once or workers)
    assert 0 < found.utilisation(workers) <= 1 + 1e-12


@given(st.data())
def test_with_workers_enough_the_slowest_study_is_all_that_counts(data: st.DataObject) -> None:
    spec = SPECS["halved"]  # one pack in flight, two confirm packs at once
    seconds_of = seconds_by(lambda: data.draw(st.floats(0.1, 10.0)))
    found = simulate(spec, 100, seconds_of)
    chains = []
    keys = [pack.key for pack in run_all(RecordedPlan(spec), train_once)]
    for study in {key.study for key in keys}:
        of_study = [key for key in keys if key.study == study]
        searched = sum(seconds_of(key) for key in of_study if key.phase == "search")
        chains.append(searched + max(seconds_of(key) for key in of_study if key.phase == "confirm"))
    assert found.seconds == pytest.approx(max(chains))


def test_a_pack_takes_its_steps_and_its_arithmetic() -> None:
    speed = Speed(member_step_seconds=2.0, flop_seconds=0.5)
    total = work_of(tiny())[0].total
    assert total is not None
    assert speed.seconds(total) == 2 * total.member_steps + total.flops / 2


@settings(max_examples=50, deadline=None)
@given(
    st.data(),
    st.sampled_from([None, 9, 10**6]),
    st.sampled_from(["tpe", "random"]),
    st.integers(1, 6),
    st.floats(100.0, 300.0),
)
def test_a_search_ends_in_its_time_and_uses_it(
    data: st.DataObject, trials: int | None, sampler: str, workers: int, time: float
) -> None:
    budget = {"trials": trials, "pack_size": 3, "time": "1h"}
    spec = tiny(budget=budget, sampler=sampler)
    longest = 4.0
    seconds_of = seconds_by(lambda: data.draw(st.floats(1.0, longest)))
    found = simulate(spec, workers, seconds_of, time=time)
    assert found.trials % 3 == 0
    if trials == 9:
        assert found == simulate(spec, workers, seconds_of)
        return
    # Confirm may take a pack longer than where its packs divide evenly among the workers.
    assert found.seconds <= time + 2 * longest
    assert found.seconds >= time - 8 * longest
    assert found.packs == found.trials / 3 + 4
    less = simulate(spec, workers, seconds_of, time=time / 2)
    assert less.trials < found.trials


@pytest.mark.parametrize("workers", [3, 40, 400])
@pytest.mark.parametrize("confirm", [None, {"replicates": 2, "steps_factors": [1, 8]}])
@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_the_first_part_of_a_search_tells_of_all_of_it(
    sampler: str, confirm: dict[str, Any] | None, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also on so many workers that confirm takes longer than what is simulated of the search."""
    budget = {"trials": None, "pack_size": 3, "time": "90s"}
    spec = tiny(budget=budget, sampler=sampler, confirm=confirm)

    def seconds_of(key: PackKey) -> float:
        return 1.0 if key.phase == "search" else 2.0 + 6.0 * key.number

    whole = simulate(spec, workers, seconds_of, time=90.0)
    monkeypatch.setattr("search.forecasting.forecast._MOST_PACKS", 5 * workers)
    told = _simulated(spec, workers, seconds_of)
    for name in ("seconds", "busy_seconds", "packs", "trials"):
        assert getattr(told, name) == pytest.approx(getattr(whole, name), rel=0.02), name


def test_a_study_that_had_no_pack_when_the_time_was_up_is_not_confirmed() -> None:
    spec = tiny(grid={"dimension": [*range(1, 9)]}, budget={"pack_size": 3, "time": "1h"})
    found = simulate(spec, 1, lambda key: 1.0, time=1.0)
    assert (found.trials, found.packs) == (3, 1 + 2)  # and confirm at two steps factors


def planned(*arguments: str) -> str:
    done = dottune("plan", *arguments)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_plan_says_what_there_is_to_do_and_starts_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = planned("smoke", "--workers", "3")
    assert not [*tmp_path.iterdir()]
    assert "2 studies, 16 trials and 8 replicates in 8 packs: 1,200 member-steps" in said
    assert "at most 4 workers can be busy" in said
    assert "2 studies (grid) times budget.packs_in_flight: 1" in said
    assert re.search(r"time     3 workers of \d+ CPUs?: about ", said)
    assert re.search(r"time     here: \d+ workers? of ", said)
    assert re.search(r"memory   [\d.]+ MB for a worker, at a confirm pack", said)
    assert "output   about " in said


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_plan_says_how_many_trials_there_is_time_for(sampler: str) -> None:
    alone = ("--set", "budget.trials=null", "--set", "budget.time=100s")
    said = planned("smoke", *alone, "--set", f"sampler={sampler}", "--workers", "3")
    busy = "any number of workers" if sampler == "random" else "at most 4 workers"
    assert "2 studies, as many trials as 100s allow (budget.time) and 8 replicates" in said
    assert f"in packs of 4; {busy} can be busy" in said
    (trials,) = re.findall(
        r"time     3 workers of .*: about (?:100 s|1\.7 min), .*, about ([\d,]+) trials", said
    )
    assert int(trials.replace(",", "")) > 1000
    few = planned("smoke", "--set", "budget.time=1000d")
    assert " trials" not in few.partition("time     ")[2]  # all of them: there is time enough


def test_plan_names_what_sets_the_number_of_workers() -> None:
    said = planned("smoke", "--set", "sampler=random", "--set", "confirm=null")
    assert "4 packs in flight for most of it: 2 studies (grid), all packs of each at once" in said
    assert "random waits for no results" in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("smoke", "--workers", "0"), "--workers must be from 1 to 100000; got 0"),
        (
            ("smoke", "--workers", "1000000"),
            "--workers must be from 1 to 100000; got 1000000",
        ),
        (("smoke", "--set", "buget.trials=4"), "buget: unknown key"),
        (("quick", "--set", "space.width.high=2000000"), "memory: a pack must fit into the memory"),
        (("quick", "--set", "space.depth.high=9000000000000000"), "lower space.depth to at most "),
        (("rendle2020", "--set", "grid.users=[9223372036854775807]"), "lower grid.users to at mos"),
        (("nothing-of-the-kind",), "nothing-of-the-kind"),
        (("smoke", "--set", "resources.gpus=64"), "64 GPUs"),
    ],
)
def test_what_can_t_be_planned(arguments: tuple[str, ...], message: str) -> None:
    done = dottune("plan", *arguments)
    assert done.exit_code == 2
    assert message in done.stderr
    assert "Traceback" not in done.output
