"""What a search will take: its work, its time against a simulated clock, and `dottune plan`."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.forecasting.pack_work import FORWARD, NOTHING, work_of
from search.forecasting.simulation import simulate
from search.forecasting.speed import Speed
from spaces import Spec
from tests.search_tests.command_line import dottune
from tests.search_tests.studies import RecordedPlan, rows_of, run_all, tiny
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
    works = work_of(spec)
    steps = sum(row.steps for row in rows_of(plan))
    assert sum((each.total for each in works), NOTHING).member_steps == steps
    assert {key for each in works for key in each.packs} == {pack.key for pack in packs}


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
    keys = [key for each in work_of(spec) for key in each.packs]
    assert found.packs == len(keys)
    assert found.busy_seconds == pytest.approx(sum(map(seconds_of, keys)))
    assert found.seconds >= found.busy_seconds / workers * (1 - 1e-12)
    assert found.seconds <= found.busy_seconds * (1 + 1e-12)
    assert 1 <= found.most_busy <= min(workers, RecordedPlan(spec).packs_at_once)
    assert 0 < found.utilisation(workers) <= 1 + 1e-12


@given(st.data())
def test_with_workers_enough_the_slowest_study_is_all_that_counts(data: st.DataObject) -> None:
    spec = SPECS["halved"]  # one pack in flight, two confirm packs at once
    seconds_of = seconds_by(lambda: data.draw(st.floats(0.1, 10.0)))
    found = simulate(spec, 100, seconds_of)
    chains = []
    for each in work_of(spec):
        searched = sum(seconds_of(key) for key in each.packs if key.phase == "search")
        chains.append(
            searched + max(seconds_of(key) for key in each.packs if key.phase == "confirm")
        )
    assert found.seconds == pytest.approx(max(chains))


def test_a_pack_takes_its_steps_and_its_arithmetic() -> None:
    speed = Speed(member_step_seconds=2.0, flop_seconds=0.5)
    (work, *_) = work_of(tiny())
    assert speed.seconds(work.total) == 2 * work.total.member_steps + work.total.flops / 2


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


def test_plan_names_what_sets_the_number_of_workers() -> None:
    said = planned("smoke", "--set", "sampler=random", "--set", "confirm=null")
    assert "4 packs in flight for most of it: 2 studies (grid), all packs of each at once" in said
    assert "random waits for no results" in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("smoke", "--workers", "0"), "--workers must be at least 1; got 0"),
        (("smoke", "--set", "buget.trials=4"), "buget: unknown key"),
        (("nothing-of-the-kind",), "nothing-of-the-kind"),
        (("smoke", "--set", "resources.gpus=64"), "64 GPUs"),
    ],
)
def test_what_can_t_be_planned(arguments: tuple[str, ...], message: str) -> None:
    done = dottune("plan", *arguments)
    assert done.exit_code == 2
    assert message in done.stderr
    assert "Traceback" not in done.output
