"""A search with many trials shows some of them, and says so; its tables hold all."""

import re
from pathlib import Path

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from results import OutputFolder
from results.rows import trials_of
from results.tensorboard import log_folders
from search.planning.search_plan import SearchPlan
from search.saved_search.reported_search import reported_search
from search.saved_search.sampled_trials import Sample
from search.views.report import write_report
from search.views.trials_board import TrialsBoard, run_name
from search.views.watching import where_to_watch
from spaces import load_spec
from tests.search_tests.studies import resumed, run_packs, tiny, written

BUDGET = {"trials": 30, "pack_size": 10}


def expected_runs(folder: OutputFolder, every: int) -> set[str]:
    """The runs of a sample, counted one by one: in the order of packs, which is that of trials."""
    shown: set[str] = set()
    best: dict[str, float] = {}
    for row in trials_of(folder.read_trials()):
        if row.phase == "confirm" or row.trial % every == 0:
            shown.add(run_name(row))
        completed = row.phase == "search" and row.status == "completed"
        if completed and row.nmse is not None and row.nmse < best.get(row.study, float("inf")):
            best[row.study] = row.nmse
            shown.add(run_name(row))
    return shown


def runs_in(out: Path) -> set[str]:
    root = out / log_folders.TRIALS
    found = {path.parent.relative_to(root).as_posix() for path in root.rglob("*.dottune")}
    return found - {"."}


@pytest.mark.parametrize("packs", [2, 7, 1000])
def test_tensorboard_shows_a_sample_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packs: int
) -> None:
    """Also where the search was interrupted and gone on with."""
    monkeypatch.setattr("search.views.trials_board.MOST_RUNS", 12)
    spec = tiny(budget=BUDGET, tensorboard="all")
    folder = OutputFolder(tmp_path)
    folder.write_text("spec.yaml", spec.to_yaml())
    first = SearchPlan(spec)
    with TrialsBoard(first, folder) as view:
        run_packs(first, folder, view, most=packs)
    second = resumed(folder, spec)
    with TrialsBoard(second, folder) as view:
        run_packs(second, folder, view)
    assert second.finished
    assert runs_in(tmp_path) == expected_runs(folder, every=5)
    (root,) = (tmp_path / log_folders.TRIALS).glob("*.dottune")
    events = EventAccumulator(str(root)).Reload()
    (note,) = events.Tensors("note")
    assert b"one in 5 of the trials of each study" in note.tensor_proto.string_val[0]


def test_few_trials_are_all_shown_without_a_note(tmp_path: Path) -> None:
    spec = tiny(budget=BUDGET)
    folder = OutputFolder(tmp_path)
    folder.write_text("spec.yaml", spec.to_yaml())
    plan = SearchPlan(spec)
    with TrialsBoard(plan, folder) as view:
        run_packs(plan, folder, view)
    assert runs_in(tmp_path) == {run_name(row) for row in trials_of(folder.read_trials())}
    (root,) = (tmp_path / log_folders.TRIALS).glob("*.dottune")
    assert "note" not in EventAccumulator(str(root)).Reload().Tags()["tensors"]


def test_the_report_draws_a_sample_and_counts_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = written(tmp_path / "out", tiny(budget=BUDGET))
    folder = OutputFolder(out)
    whole = reported_search(folder)
    assert whole.sampled == ""
    assert whole.trials.equals(folder.read_trials())
    assert whole.curves.equals(folder.read_curves())
    monkeypatch.setattr("search.saved_search.reported_search.MOST_TRIALS", 12)
    search = reported_search(folder)
    assert {run_name(row) for row in trials_of(search.trials)} == expected_runs(folder, every=5)
    in_trials, in_curves = (
        set(zip(table["study"].to_pylist(), table["trial"].to_pylist(), strict=True))
        for table in (search.trials, search.curves)
    )
    assert in_curves == in_trials
    write_report(folder)
    text = (out / "report.html").read_text()
    told = "one in 5 of the trials of each study, beside the best so far and the confirm"
    assert re.search(f"The figures, and the share that pruning saved, are of {told}", text)
    assert "60 trials and their confirm replicates were trained" in text


def test_the_first_lines_say_what_tensorboard_leaves_out() -> None:
    plan = SearchPlan(load_spec("smoke", ["budget.trials=200000"]))
    lines = where_to_watch(plan, OutputFolder("out"), None)
    assert any("one in 200 of the trials of each study" in line for line in lines)


NUMBERS = numpy.arange(100_000)


@given(st.integers(1, 20), st.integers(1, 100_000), st.integers(1, 5_000))
def test_a_sample_of_so_many_trials_is_spread_evenly(studies: int, trials: int, most: int) -> None:
    sample = Sample(studies=studies, trials=trials, most=most)
    shown = numpy.flatnonzero(sample.shows(NUMBERS[:trials]))
    assert shown[0] == 0
    assert len({*numpy.diff(shown).tolist()}) <= 1
    assert len(shown) <= max(most // studies, 1)
    assert len(shown) >= min(trials, max(most // studies, 1)) / 2
    assert sample.whole is (str(sample) == "") is (len(shown) == trials)


@given(st.integers(1, 20), st.integers(1, 5_000))
def test_a_sample_of_nobody_knows_how_many_gets_thinner(studies: int, most: int) -> None:
    sample = Sample(studies=studies, trials=None, most=most)
    shown = sample.shows(NUMBERS)
    first = max(most // studies // 4, 1)
    assert shown[:first].all()
    begin, every = first, 2
    while begin < len(NUMBERS):  # as many again, then twice as many, and so on
        numbers = NUMBERS[begin : 2 * begin]
        assert (shown[begin : 2 * begin] == (numbers % every == 0)).all()
        begin, every = 2 * begin, 2 * every
    assert not sample.whole
    assert f"the first {first:,} trials of each study" in str(sample)
    assert bool(sample.shows(0))  # of one number too
