"""A start by hand is refused exactly where a trial might have none."""

from itertools import product
from typing import Any

import pytest

from results.constructions import Configuration, constructed_layers
from spaces import SpecError, load_spec
from spaces.constructed_start import STARTS
from spaces.vocabulary import FIELDS


def names(field: str) -> tuple[str, ...]:
    return FIELDS[field].names


@pytest.mark.parametrize("start", STARTS)
def test_a_start_is_refused_where_no_network_by_hand_is_known(start: str) -> None:
    refused = 0
    for target, inputs, multiplication, activation, depth in product(
        names("target"), names("inputs"), (False, True), names("activation"), (0, 2)
    ):
        given = {"multiplication": multiplication, "activation": activation}
        task = {"target": target, "inputs": inputs}
        sizes = Configuration(dimension=2, layer_sizes=(1,) * depth, **given, **task)  # type: ignore[arg-type]
        fixed = {"dimension": 2, "depth": depth, "initialisation": start, **given}
        spec = {"name": "start", "fixed": fixed, "task": task}
        if constructed_layers(sizes) is None:
            refused += 1
            with pytest.raises(SpecError, match=r"fixed.initialisation: needs a network by hand"):
                load_spec(spec)
        else:
            load_spec(spec)
    assert refused > 20


def message(**sections: Any) -> str:
    fixed = {"dimension": 2} | sections.pop("fixed", {})
    with pytest.raises(SpecError) as error:
        load_spec({"name": "start", "fixed": fixed, **sections})
    (fault,) = error.value.faults
    return fault


def test_the_message_says_which_values_meet() -> None:
    rest = (
        '; got "constructed"; leave it out, or let target be dot, activation relu and inputs '
        "normal or rademacher (or any, with multiplication)"
    )
    assert message(fixed={"initialisation": "constructed", "activation": "tanh"}) == (
        "fixed.initialisation: needs a network by hand, and none is known for target dot, inputs "
        f"normal, data stream, multiplication false, activation tanh, with hidden layers{rest}"
    )
    found = message(
        grid={"inputs": ["normal", "uniform"], "multiplication": [True, False]},
        space={
            "initialisation": {"choices": ["torch", "constructed"]},
            "depth": {"low": 0, "high": 3},
        },
    )
    assert found == (
        "space.initialisation.choices[1]: needs a network by hand, and none is known for target "
        "dot, inputs uniform, data stream, multiplication false, activation relu, with hidden "
        f"layers{rest}"
    )


def test_every_start_has_a_fault_of_its_own() -> None:
    with pytest.raises(SpecError) as error:
        load_spec(
            {
                "name": "start",
                "grid": {"initialisation": ["folded", "he", "constructed"]},
                "space": {"layer_sizes": {"choices": [None, [4]]}},
                "fixed": {"dimension": 2},
                "task": {"target": "cosine"},
            }
        )
    places = [fault.split(":")[0] for fault in error.value.faults]
    assert places == ["grid.initialisation[0]", "grid.initialisation[2]"]


def test_what_is_broken_is_said_where_it_stands_alone() -> None:
    fixed = {"initialisation": "constructed", "activation": "rely"}
    assert message(fixed=fixed).startswith("fixed.activation: must be one of relu")


@pytest.mark.parametrize("layer_sizes", [None, []])
def test_a_linear_network_may_have_any_activation(layer_sizes: object) -> None:
    fixed = {"layer_sizes": layer_sizes, "activation": "tanh", "initialisation": "folded"}
    load_spec({"name": "start", "fixed": {"dimension": 2, **fixed}})
