"""The terminal view: on one screen, without colour, and in a log."""

import io
import math
import re
from typing import Any

import pytest
from rich.console import Console

from results import summary_of
from results.rows import TrialRow, table_of_trials
from search.planning.search_plan import SearchPlan
from search.planning.standing import Standing, StudyStanding
from search.text.number_notation import nmse_notation
from search.text.sparkline import sparkline
from search.text.study_label import study_label
from search.views.live_table import screen
from search.views.progress import ProgressView, outcome_text, plain_line
from tests.search_tests.studies import tiny, trained
from tests.typed_rows import changed


def train_packs(plan: SearchPlan, most: int = 1000) -> list[TrialRow]:
    """Train up to `most` packs here; return their rows."""
    rows: list[TrialRow] = []
    while most > 0 and (pack := plan.next_pack()):
        result = trained(pack)
        plan.finish(pack.key, result)
        rows += result.trials
        most -= 1
    return rows


def shown(standing: Standing, *, width: int = 80, height: int = 24, **console: Any) -> list[str]:
    """The lines of the live view on a terminal."""
    file = io.StringIO()
    Console(file=file, width=width, height=height, **console).print(
        screen(standing, width=width, height=height, ascii_only=False)
    )
    return file.getvalue().rstrip("\n").split("\n")


def test_the_view_has_a_line_for_each_study() -> None:
    plan = SearchPlan(tiny())
    standing = Standing(plan)
    lines = shown(standing)
    assert len(lines) == 4
    assert "waiting" in lines[1]
    assert lines[-1] == "0/18 trials · starting"
    train_packs(plan, most=4)
    standing.update()
    lines = shown(standing)
    assert lines[1].startswith("d=1 ")
    assert "6/9" in lines[1]
    assert "searching" in lines[1]
    assert lines[-1].startswith("12/18 trials · ")
    assert " trials/s · " in lines[-1]
    assert lines[-1].endswith(" left")


@pytest.mark.parametrize("height", [6, 10, 24])
def test_the_view_fits_the_screen_and_shows_who_is_at_work(height: int) -> None:
    long = {"dimension": list(range(1, 21)), "activation": ["relu", "silu"]}
    plan = SearchPlan(tiny(grid=long, budget={"trials": 3, "pack_size": 3}))
    standing = Standing(plan)
    train_packs(plan, most=2)
    plan.next_pack()
    standing.update()
    lines = shown(standing, height=height)
    assert len(lines) < height
    assert max(len(line.rstrip()) for line in lines) <= 80
    assert sum("confirming" in line or "searching" in line for line in lines) >= 1
    shown_studies = len(lines) - 2
    assert f" · {40 - shown_studies} more studies" in lines[-1]


@pytest.mark.parametrize("width", [24, 40, 60, 80, 200])
def test_a_narrow_screen_shows_less_but_cuts_no_number(width: int) -> None:
    plan = SearchPlan(
        tiny(grid={"dimension": [1], "activation": ["relu"], "label_noise_std": [0.5]})
    )
    train_packs(plan)
    standing = Standing(plan)
    heading, line, *_ = shown(standing, width=width)
    assert max(len(heading.rstrip()), len(line.rstrip())) <= width
    (study,) = standing.studies.values()
    number = nmse_notation([study.best, *study.confirmed])
    assert number(study.best) in line
    assert "9/9" in line
    assert ("confirmed" in line) is (width >= 60)
    assert ("so far" in heading) is (width >= 200)


def test_the_view_without_colour_has_no_escape_code_for_it() -> None:
    plan = SearchPlan(tiny())
    train_packs(plan)
    plain = "\n".join(shown(Standing(plan), force_terminal=True, no_color=True))
    colour = "\n".join(shown(Standing(plan), force_terminal=True, color_system="standard"))
    assert "\x1b[32m" in colour
    assert "\x1b[32m" not in plain
    assert "confirmed" in plain


@pytest.mark.parametrize(
    ("values", "width", "drawn"),
    [
        ([], 4, ""),
        ([1.0], 4, "▁"),
        ([1.0, 1e-7], 4, "█▁"),
        ([1e0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7], 8, "█▇▆▅▄▃▂▁"),
        ([1e0, 1e-1, 1e-2, 1e-3], 2, "█▁"),
        ([math.inf, math.inf], 4, "  "),
        ([0.0, 0.0], 4, "▁▁"),
    ],
)
def test_a_sparkline_draws_logarithms(values: list[float], width: int, drawn: str) -> None:
    assert sparkline(values, width) == drawn


def test_a_sparkline_can_do_without_unicode() -> None:
    drawn = sparkline([1.0, 0.1, 0.01, 1e-7], 4, ascii_only=True)
    assert drawn.isascii()
    assert len(set(drawn)) == 4


def test_a_log_gets_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.views.progress.PLAIN_SECONDS", 0.0)
    plan = SearchPlan(tiny())
    file = io.StringIO()
    with ProgressView(plan, Console(file=file, width=80)) as view:
        view.on_step_end(1, [])
        train_packs(plan)
        view.on_step_end(2, [])
    lines = file.getvalue().splitlines()
    assert lines[0] == "0/18 trials · 0 pruned · 0 diverged · 0/2 studies done · starting"
    rows = summary_of(plan.finished_tallies).to_pylist()
    for row, line in zip(rows, [line for line in lines if " done: " in line], strict=True):
        values = [row[name] for name in ("nmse", "nmse_min", "nmse_max")]
        middle, low, high = map(nmse_notation([*values, row["nmse_search"]]), values)
        outcome = f"nmse {middle} ({low} to {high} in 2 replicates), 9 trials"
        assert line == f"{study_label(row['study'])} done: {outcome}"
    assert lines[-1].startswith("18/18 trials · ")
    assert " · 2/2 studies done · " in lines[-1]
    assert lines[-1].endswith(" in all")
    assert "\x1b" not in file.getvalue()


@pytest.mark.parametrize(
    ("grid", "shown"),
    [
        ({"dimension": [1, 2]}, False),
        ({"dimension": [1], "label_noise_std": [0.0, 0.5]}, False),
        ({"dimension": [1], "activation": ["relu", "tanh"]}, True),
        ({"dimension": [1]}, True),
    ],
)
def test_the_best_of_all_studies_is_told_where_they_have_one_task(
    grid: dict[str, Any], shown: bool
) -> None:
    plan = SearchPlan(tiny(grid=grid, confirm=None))
    train_packs(plan)
    assert ("best nmse" in plain_line(Standing(plan))) is shown


@pytest.mark.parametrize(
    ("nmse", "outcome"),
    [
        ([0.5, 0.25, 0.75], "nmse 0.50 (0.25 to 0.75 in 3 replicates), 2 trials"),
        ([1e-20, 1e-13, 0.0], "nmse exact (3 replicates), 2 trials"),
        ([0.5, None, 0.25], "nmse 0.50 (1 of 3 replicates diverged), 2 trials"),
        ([None, 0.5, None], "2 of 3 replicates diverged, 2 trials"),
        ([], "lowest nmse 0.12 of 2 trials, not confirmed"),
    ],
)
def test_a_finished_study_is_told_by_what_was_confirmed(
    nmse: list[float | None], outcome: str
) -> None:
    row = train_packs(SearchPlan(tiny()), most=1)[0]
    study = StudyStanding("dimension=8")
    assert outcome_text(study) == "none of 0 trials completed"
    rows = [
        changed(row, trial=trial, nmse=of_search, status="completed")
        for trial, of_search in enumerate([0.25, 0.125])
    ]
    for replicate, value in enumerate(nmse):
        confirm = changed(row, trial=1, phase="confirm", replicate=replicate, nmse=value)
        rows += [confirm, changed(confirm, steps_factor=4, nmse=9.0)]
        rows += [changed(confirm, trial=0, nmse=9.0)]  # of an earlier winner
    study.tally.take(table_of_trials(rows))
    assert outcome_text(study) == outcome


def test_what_packs_in_flight_have_done_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = 100.0
    monkeypatch.setattr("time.monotonic", lambda: clock)
    plan = SearchPlan(tiny(grid={"dimension": [1]}, halving=None, confirm={"replicates": 3}))
    standing = Standing(plan)
    assert standing.seconds_left is None
    pack = plan.next_pack()
    assert pack is not None
    clock = 110.0
    standing.report(pack.key, 2)
    # 3 of 9 trials are half done, 3 replicates are to come: 1.5 of 12 in 10 seconds.
    assert standing.seconds_left == pytest.approx(70)
    clock = 115.0  # no news: the clock alone goes on
    assert standing.seconds_left == pytest.approx(65)
    clock = 120.0
    plan.finish(pack.key, trained(pack))
    standing.update()
    standing.end(pack.key)
    assert standing.seconds_left == pytest.approx(60)
    clock = 500.0
    assert standing.seconds_left == 0
    assert not standing.finished
    assert "0:00 left" in plain_line(standing)


def test_the_numbers_are_those_of_the_rows() -> None:
    plan = SearchPlan(tiny())
    standing = Standing(plan)
    assert standing.seconds_left is None
    rows = train_packs(plan, most=3)
    standing.update()
    assert standing.ended == len(rows)
    assert standing.member_steps == sum(row.steps for row in rows)
    assert standing.samples == sum(row.samples for row in rows)
    left = standing.seconds_left
    assert left is not None
    assert left > 0
    rows += train_packs(plan)
    standing.update()
    assert standing.seconds_left == 0
    assert standing.member_steps == sum(row.steps for row in rows)
    for name, study in standing.studies.items():
        completed = [
            row.nmse or 0.0
            for row in rows
            if row.study == name and row.phase == "search" and row.status == "completed"
        ]
        assert study.best == min(completed)
        assert standing.phase(plan.studies[name]) == "done"
    assert "18/18 trials" in plain_line(standing)


def test_while_only_the_time_is_to_end_a_search_nobody_knows_of_how_many() -> None:
    plan = SearchPlan(tiny(budget={"pack_size": 3, "time": "1h"}))
    train_packs(plan, most=1)
    standing = Standing(plan)
    assert standing.seconds_left is None
    train_packs(plan, most=3)
    standing.update()
    lines = shown(standing)
    assert re.match(r"d=1 .* 6 ", lines[1])
    assert lines[-1].startswith("12 trials · ")
    assert lines[-1].endswith(" · 1 h 00 min left")
    in_flight = plan.next_pack()
    assert in_flight is not None
    plan.close()
    lines = shown(standing)
    assert re.match(r"d=1 .* 6/9 ", lines[1])
    assert re.match(r"d=2 .* 6/6 ", lines[2])
    assert lines[-1].startswith("12/15 trials · ")
    left = standing.seconds_left
    assert left is not None
    assert 0 < left < 3000  # the hour doesn't count any more
    plan.finish(in_flight.key, trained(in_flight))
    train_packs(plan)
    standing.update()
    assert standing.finished
    assert shown(standing)[-1].startswith("15/15 trials · ")


def test_a_resumed_search_counts_only_its_own_throughput() -> None:
    plan = SearchPlan(tiny())
    train_packs(plan, most=4)
    standing = Standing(plan)
    assert standing.ended == 12
    assert standing.trials_per_second == standing.member_steps_per_second == 0
    assert standing.seconds_left is None
