"""The range of predictions in a spec: how it is written, and what is refused."""

import re
from typing import Any

import numpy
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from spaces import SpecError, load_spec, studies
from spaces.vocabulary import range_ends, range_text
from tests.spaces_tests.spec_strategies import relaxed

PLANTED = {"data": {"planted": {"users": 20, "items": 10, "pairs_per_user": 3}}}


def spec_of(task: dict[str, Any] = PLANTED, **sections: Any) -> dict[str, Any]:
    fixed = {"dimension": 2, "steps": 5, "batch_size": 4} | sections.pop("fixed", {})
    return {"name": "ranged", "fixed": fixed, "task": task, **sections}


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ([0.5, 5.5], "0.5 to 5.5"),
        ((0, 5), "0.0 to 5.0"),
        ([-0.0, 1e-300], "0.0 to 1e-300"),
        (numpy.array([1.0, 5.5]), "1.0 to 5.5"),
        ("0.5 to 5.5", "0.5 to 5.5"),
        ("1 to 5", "1.0 to 5.0"),
        ("none", "none"),
        (None, "none"),
    ],
)
def test_a_range_has_one_text_however_it_is_written(written: object, text: str) -> None:
    spec = load_spec(spec_of(fixed={"y_range": written}))
    assert spec.fixed["y_range"] == text
    assert load_spec(spec.to_mapping()) == load_spec(yaml.safe_load(spec.to_yaml())) == spec
    assert load_spec(spec_of(), [f"fixed.y_range={text}"]) == spec


def test_it_may_stand_in_every_section() -> None:
    ranges = ["none", [0.5, 5.5], [-1, 6]]
    texts = ["none", "0.5 to 5.5", "-1.0 to 6.0"]
    of_grid = load_spec(spec_of(grid={"y_range": ranges}))
    assert [study.fixed["y_range"] for study in studies(of_grid)] == texts
    assert studies(of_grid)[1].name == "y_range=0.5 to 5.5"
    (study,) = studies(load_spec(spec_of(space={"y_range": {"choices": ranges}})))
    assert study.space["y_range"].model_dump() == {"choices": tuple(texts)}
    written = "{choices: [none, [0.5, 5.5]]}"
    set_by_hand = load_spec(spec_of(), [f"space.y_range={written}"])
    assert set_by_hand.space["y_range"].model_dump() == {"choices": ("none", "0.5 to 5.5")}


def test_there_is_none_where_nothing_is_said_and_where_vectors_are_given() -> None:
    assert load_spec(spec_of()).fixed["y_range"] == "none"
    assert "y_range" not in load_spec(spec_of(task={})).fixed


@relaxed
@given(ends=st.sets(st.floats(-9e8, 9e8), min_size=2, max_size=2))
def test_its_text_holds_both_ends_to_the_last_bit(ends: set[float]) -> None:
    low, high = sorted(ends)
    text = load_spec(spec_of(fixed={"y_range": [low, high]})).fixed["y_range"]
    assert text == range_text(low + 0.0, high + 0.0)
    assert range_ends(str(text)) == (low, high)


RULE = (
    "must be a list of the lowest and the highest prediction, two numbers between -1e+09 and 1e+09 "
    "([0.5, 5.5]), or none; got "
)


@pytest.mark.parametrize(
    ("written", "got"),
    [
        (5, "5; write both ends: [0.5, 5.5] in fixed"),
        ([5], "[5]"),
        ([0, 2.5, 5], "[0, 2.5, 5]"),
        ([], "[]"),
        ([5.5, 0.5], "[5.5, 0.5]; write the lower end first"),
        ("5.5 to 0.5", '"5.5 to 0.5"; write the lower end first'),
        ([2, 2], "[2, 2]; write two different ends"),
        (["0.5", "5.5"], '["0.5", "5.5"]; write numbers without quotes'),
        ([0, "1e0"], '[0, "1e0"]; write numbers without quotes'),
        ("low to high", '"low to high"'),
        ("0 to nan", '"0 to nan"'),
        ("0 - 5", '"0 - 5"'),
        ([0, float("inf")], "[0, Infinity]"),
        ([float("nan"), 5], "[NaN, 5]"),
        ([0, 1e9], "[0, 1000000000.0]"),
        ([-(10**400), 0], "[-1000"),
        ([False, True], "[false, true]"),
        ([[0, 1], 2], "[[0, 1], 2]"),
        (True, "true"),
        ({"low": 0, "high": 5}, '{"low": 0, "high": 5}'),
    ],
)
def test_what_is_no_range_is_refused(written: object, got: str) -> None:
    with pytest.raises(SpecError, match=re.escape(f"fixed.y_range: {RULE}{got}")):
        load_spec(spec_of(fixed={"y_range": written}))
    with pytest.raises(SpecError, match=re.escape(f"grid.y_range[1]: {RULE}{got}")):
        load_spec(spec_of(grid={"y_range": ["none", written]}))
    with pytest.raises(SpecError, match=re.escape(f"space.y_range.choices[0]: {RULE}{got}")):
        load_spec(spec_of(space={"y_range": {"choices": [written]}}))


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        (
            {"grid": {"y_range": [0.5, 5.5]}},
            "grid.y_range[0]: " + RULE + "0.5; write both ends: [0.5, 5.5] in fixed, "
            "[none, [0.5, 5.5]] where there are several",
        ),
        (
            {"space": {"y_range": [0.5, 5.5]}},
            "space.y_range: must be {choices: [none, [0.5, 5.5]]}; got [0.5, 5.5]",
        ),
        (
            {"space": {"y_range": {"low": 0, "high": 5}}},
            "space.y_range: must be {choices: [none, [0.5, 5.5]]}; got",
        ),
        (
            {"grid": {"y_range": [[0, 5], "0.0 to 5.0"]}},
            'grid.y_range[1]: stands in the list already; got "0.0 to 5.0"',
        ),
        (
            {"fixed": {"y_range": [0, 5]}, "task": {}},
            "fixed.y_range: no data of this search has it (stream); leave it out, or let data be "
            "planted or modes or table",
        ),
    ],
)
def test_what_stands_in_the_wrong_place_is_refused(sections: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=re.escape(message)):
        load_spec(spec_of(**sections))
