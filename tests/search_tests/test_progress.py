"""The terminal view: on one screen, without colour, and in a log."""

import io
import math
from typing import Any

import pytest
from rich.console import Console

from results.rows import TrialRow
from search.planning.search_plan import SearchPlan
from search.planning.standing import Standing
from search.text.short_number import short_number
from search.views.progress import ProgressView, plain_line, screen, sparkline
from tests.search_tests.studies import tiny, trained


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
    assert short_number(study.best) in line
    assert "9/9" in line
    assert ("done" in line) is (width >= 60)
    assert ("so far" in heading) is (width >= 80)


def test_the_view_without_colour_has_no_escape_code_for_it() -> None:
    plan = SearchPlan(tiny())
    train_packs(plan)
    plain = "\n".join(shown(Standing(plan), force_terminal=True, no_color=True))
    colour = "\n".join(shown(Standing(plan), force_terminal=True, color_system="standard"))
    assert "\x1b[32m" in colour
    assert "\x1b[32m" not in plain
    assert "done" in plain


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
    assert lines[0] == "0/18 trials · 0 pruned · 0 diverged · starting"
    assert [line.partition(":")[0] for line in lines if " done: " in line] == [
        "d=1 done",
        "d=2 done",
    ]
    assert lines[-1].startswith("18/18 trials · ")
    assert "best nmse " in lines[-1]
    assert lines[-1].endswith(" in all")
    assert "\x1b" not in file.getvalue()


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


def test_a_resumed_search_counts_only_its_own_throughput() -> None:
    plan = SearchPlan(tiny())
    train_packs(plan, most=4)
    standing = Standing(plan)
    assert standing.ended == 12
    assert standing.trials_per_second == standing.member_steps_per_second == 0
    assert standing.seconds_left is None
