"""Rows as types: each column has its place, and Arrow gives back what it was given."""

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import pytest

from results import CURVES, TRIALS
from results.rows import CurveRow, PackResult, TrialRow, table_of_trials, trials_of
from results.schemas import CURVE_KEY, TRIAL_KEY
from spaces.vocabulary import MEMBER_HYPERPARAMETERS, TASK_COLUMNS
from tests.typed_rows import packed

MakeTrial = Callable[..., TrialRow]
MakeCurve = Callable[..., CurveRow]


def test_every_column_has_one_place_in_a_row() -> None:
    attributes = {field.name for field in fields(TrialRow)} - {"task", "hyperparameters"}
    places = [*attributes, *TASK_COLUMNS, *MEMBER_HYPERPARAMETERS]
    assert len(set(places)) == len(places)
    assert set(places) == set(TRIALS.names)
    assert {field.name for field in fields(CurveRow)} == set(CURVES.names)


def test_a_column_is_found_wherever_the_row_keeps_it(trial_row: MakeTrial) -> None:
    row = trial_row(study="dimension=3", dimension=3, momentum=0.5)
    (stored,) = table_of_trials([row]).to_pylist()
    assert {name: row.column(name) for name in TRIALS.names} == stored
    assert (stored["study"], stored["dimension"], stored["momentum"]) == ("dimension=3", 3, 0.5)
    with pytest.raises(AttributeError, match="lr"):
        row.column("lr")


def test_keys_are_those_of_the_tables(trial_row: MakeTrial, curve_row: MakeCurve) -> None:
    place = {"trial": 7, "phase": "confirm", "replicate": 2, "steps_factor": 4}
    row, point = trial_row(**place), curve_row(**place, step=8)
    assert row.key == point.key == tuple(row.column(name) for name in TRIAL_KEY)
    assert (*point.key, point.step) == tuple(getattr(point, name) for name in CURVE_KEY)


@pytest.mark.parametrize("mapping", ["task", "hyperparameters"])
def test_task_fields_and_hyperparameters_are_those_of_the_vocabulary(
    trial_row: MakeTrial, mapping: str
) -> None:
    row = trial_row()
    first, *_ = known = getattr(row, mapping)
    more: dict[str, Any] = {mapping: {**known, "extra": 1}}
    with pytest.raises(ValueError, match=r"exactly the columns .*; missing: none; extra: extra$"):
        table_of_trials([row, replace(row, trial=1, **more)])
    rest = {name: value for name, value in known.items() if name != first}
    fewer: dict[str, Any] = {mapping: rest}
    with pytest.raises(ValueError, match=f"exactly the columns .*; missing: {first}; extra: none$"):
        table_of_trials([row, replace(row, trial=1, **fewer)])


def test_rows_can_be_told_apart_and_found(trial_row: MakeTrial) -> None:
    row, same, other = trial_row(), trial_row(), trial_row(width=8)
    assert row == same
    assert row != other
    assert len({row, same, other}) == 2


@pytest.mark.parametrize("trials", [0, 1, 3])
@pytest.mark.parametrize("curves", [0, 1, 3])
def test_a_result_is_sent_as_it_is(
    trial_row: MakeTrial, curve_row: MakeCurve, trials: int, curves: int
) -> None:
    result = packed(
        [trial_row(trial=trials - number) for number in range(trials)],
        [curve_row(step=number) for number in range(curves)],
    )
    assert PackResult.from_arrow(result.to_arrow()) == result


def test_rows_keep_the_order_of_their_table(trial_row: MakeTrial) -> None:
    rows = tuple(trial_row(trial=number) for number in (5, 1, 3))
    assert trials_of(table_of_trials(rows)) == rows
