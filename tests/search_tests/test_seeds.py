import dataclasses
import json
import os
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from search.planning.seeds import derive_seed
from spaces import Study

VALUES = st.booleans() | st.integers(-(2**62), 2**62) | st.floats(-1e9, 1e9) | st.text(max_size=8)
MAPPINGS = st.dictionaries(st.text(min_size=1, max_size=8), VALUES, max_size=4)
ARGUMENTS = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 2**62),
        "grid": MAPPINGS,
        "task": MAPPINGS,
        "purpose": st.text(max_size=8),
        "number": st.integers(0, 2**40),
    }
)


def study_of(grid: dict[str, Any], task: dict[str, Any]) -> Study:
    return Study(name="any", grid=grid, task=task, space={}, fixed={})


def seed_of(arguments: dict[str, Any], bits: int = 63, reverse: bool = False) -> int:
    grid, task = arguments["grid"], arguments["task"]
    if reverse:
        grid, task = (dict(reversed(section.items())) for section in (grid, task))
    rest = {name: arguments[name] for name in ("seed", "purpose", "number")}
    return derive_seed(study=study_of(grid, task), bits=bits, **rest)


@given(arguments=ARGUMENTS)
def test_order_of_keys_changes_nothing(arguments: dict[str, Any]) -> None:
    assert seed_of(arguments) == seed_of(arguments, reverse=True)


@given(arguments=ARGUMENTS, component=st.sampled_from(sorted(["seed", "grid", "task", "number"])))
def test_every_component_counts(arguments: dict[str, Any], component: str) -> None:
    value = arguments[component]
    other = value + 1 if isinstance(value, int) else value | {"one more": 1}
    assert seed_of(arguments) != seed_of(arguments | {component: other})


@given(arguments=ARGUMENTS, purpose=st.text(max_size=8))
def test_purpose_counts(arguments: dict[str, Any], purpose: str) -> None:
    assume(purpose != arguments["purpose"])
    assert seed_of(arguments) != seed_of(arguments | {"purpose": purpose})


@given(arguments=ARGUMENTS)
def test_grid_and_task_are_kept_apart(arguments: dict[str, Any]) -> None:
    assume(arguments["grid"] != arguments["task"])
    swapped = arguments | {"grid": arguments["task"], "task": arguments["grid"]}
    assert seed_of(arguments) != seed_of(swapped)


@given(arguments=ARGUMENTS, bits=st.integers(1, 256))
def test_a_seed_is_the_head_of_a_longer_one(arguments: dict[str, Any], bits: int) -> None:
    seed = seed_of(arguments, bits=bits)
    assert 0 <= seed < 2**bits
    assert seed == seed_of(arguments, bits=256) >> (256 - bits)


def test_the_default_fits_a_signed_64_bit_integer() -> None:
    study = study_of({"dimension": 8}, {"dimension": 8})
    seeds = [derive_seed(seed=0, study=study, purpose="data", number=n) for n in range(1000)]
    assert len(set(seeds)) == len(seeds)
    assert max(seeds) < 2**63
    assert max(seeds) > 2**62  # the highest bit is used


@settings(max_examples=5, deadline=None)
@given(arguments=ARGUMENTS)
def test_a_fresh_interpreter_derives_the_same(arguments: dict[str, Any]) -> None:
    program = """
import json, sys
from search.planning.seeds import derive_seed
from spaces import Study
arguments = json.load(sys.stdin)
study = Study(
    name="other", grid=arguments.pop("grid"), task=arguments.pop("task"), space={}, fixed={}
)
print(derive_seed(study=study, **arguments))
"""
    for hash_seed in ("1", "2"):
        printed = subprocess.run(
            [sys.executable, "-c", program],
            input=json.dumps(arguments),
            env=os.environ | {"PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert int(printed) == seed_of(arguments)


def test_only_grid_and_task_of_the_study_count() -> None:
    study = study_of({"dimension": 8}, {"dimension": 8})
    other = dataclasses.replace(study, name="renamed", fixed={"learning_rate": 0.1})
    assert derive_seed(seed=0, study=study, purpose="data", number=0) == derive_seed(
        seed=0, study=other, purpose="data", number=0
    )


@pytest.mark.parametrize("bits", [0, -1, 257])
def test_bits_out_of_range_are_refused(bits: int) -> None:
    study = study_of({}, {})
    with pytest.raises(ValueError, match=f"bits must be between 1 and 256; got {bits}"):
        derive_seed(seed=0, study=study, purpose="data", number=0, bits=bits)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_value_that_json_lacks_is_refused(value: float) -> None:
    study = study_of({"scale": value}, {})
    with pytest.raises(ValueError, match="JSON"):
        derive_seed(seed=0, study=study, purpose="data", number=0)
