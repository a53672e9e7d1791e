import dataclasses
import hashlib
import json
import os
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from search.planning.seeds import derive_seed
from spaces import Study, load_spec, studies
from spaces.vocabulary import TASK_FIELDS

VALUES = st.booleans() | st.integers(-(2**62), 2**62) | st.floats(-1e9, 1e9) | st.text(max_size=8)
MAPPINGS = st.dictionaries(st.text(min_size=1, max_size=8), VALUES, max_size=4)
TASKS = st.fixed_dictionaries(
    {"dimension": st.integers(1, 2**20)},
    optional={
        "scale": st.floats(1e-9, 1e9),
        "label_noise_std": st.floats(0, 1e9),
        "data": st.text(max_size=8),
    },
)
ARGUMENTS = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 2**62),
        "grid": MAPPINGS,
        "task": TASKS,
        "purpose": st.text(max_size=8),
        "number": st.integers(0, 2**40),
    }
)


def study_of(grid: dict[str, Any], task: dict[str, Any]) -> Study:
    return Study(name="any", grid=grid, task=task, space={}, seed=0, fixed={})


def seed_of(arguments: dict[str, Any], bits: int = 63, reverse: bool = False) -> int:
    grid, task = arguments["grid"], arguments["task"]
    if reverse:
        grid, task = (dict(reversed(section.items())) for section in (grid, task))
    rest = {name: arguments[name] for name in ("seed", "purpose", "number")}
    return derive_seed(study=study_of(grid, task), bits=bits, **rest)


@given(arguments=ARGUMENTS, seed=st.integers(0, 2**62))
def test_a_seed_in_the_grid_is_that_seed_at_the_top(arguments: dict[str, Any], seed: int) -> None:
    grid = {name: value for name, value in arguments["grid"].items() if name != "seed"}
    at_the_top = arguments | {"grid": grid, "seed": seed}
    assert seed_of(at_the_top | {"grid": grid | {"seed": seed}}) == seed_of(at_the_top)


@given(arguments=ARGUMENTS)
def test_order_of_keys_changes_nothing(arguments: dict[str, Any]) -> None:
    assert seed_of(arguments) == seed_of(arguments, reverse=True)


@given(arguments=ARGUMENTS, component=st.sampled_from(sorted(["seed", "grid", "task", "number"])))
def test_every_component_counts(arguments: dict[str, Any], component: str) -> None:
    value = arguments[component]
    more = {"target": "another"} if component == "task" else {"one more": 1}
    other = value + 1 if isinstance(value, int) else value | more
    assert seed_of(arguments) != seed_of(arguments | {component: other})


@given(arguments=ARGUMENTS, purpose=st.text(max_size=8))
def test_purpose_counts(arguments: dict[str, Any], purpose: str) -> None:
    assume(purpose != arguments["purpose"])
    assert seed_of(arguments) != seed_of(arguments | {"purpose": purpose})


@given(arguments=ARGUMENTS)
def test_grid_and_task_are_kept_apart(arguments: dict[str, Any]) -> None:
    task = arguments["task"]
    assume(task != {"dimension": 1})
    one, other = {"grid": task, "task": {"dimension": 1}}, {"grid": {"dimension": 1}, "task": task}
    assert seed_of(arguments | one) != seed_of(arguments | other)


@given(arguments=ARGUMENTS, name=st.sampled_from(sorted(TASK_FIELDS)))
def test_a_default_of_the_task_changes_no_seed(arguments: dict[str, Any], name: str) -> None:
    """So that a field which a later release adds leaves the seeds of every search as they are."""
    task = {key: value for key, value in arguments["task"].items() if key != name}
    default = task | {name: TASK_FIELDS[name].default}
    assert seed_of(arguments | {"task": task}) == seed_of(arguments | {"task": default})


GOLDEN = {
    ("dimension=8", "training batches", 0): (
        '{"grid":{"dimension":8},"number":0,"purpose":"training batches","seed":7,'
        '"task":{"dimension":8,"scale":0.5}}'
    ),
    ("dimension=8", "initialisation", 3): (
        '{"grid":{"dimension":8},"number":3,"purpose":"initialisation","seed":7,'
        '"task":{"dimension":8,"scale":0.5}}'
    ),
    ("dimension=16", "confirm evaluation pairs", 1): (
        '{"grid":{"dimension":16},"number":1,"purpose":"confirm evaluation pairs","seed":7,'
        '"task":{"dimension":16,"scale":0.5}}'
    ),
}
"""What is hashed for seeds of `{seed: 7, grid: {dimension: [8, 16]}, task: {scale: 0.5}}`.

It is the same for ever: were it to change, no search of before could be gone on with."""


@pytest.mark.parametrize("named", GOLDEN)
def test_the_seeds_of_a_spec_are_for_ever(named: tuple[str, str, int]) -> None:
    spec = load_spec(
        {
            "name": "golden",
            "seed": 7,
            "grid": {"dimension": [8, 16]},
            "space": {"learning_rate": {"low": 1e-3, "high": 1e-1}},
            "task": {"scale": 0.5},
        }
    )
    name, purpose, number = named
    (study,) = [study for study in studies(spec) if study.name == name]
    seed = derive_seed(seed=spec.seed, study=study, purpose=purpose, number=number)
    digest = hashlib.sha256(GOLDEN[named].encode()).hexdigest()
    assert seed == int(digest[:16], 16) >> 1


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
    name="other", grid=arguments.pop("grid"), task=arguments.pop("task"), space={}, seed=0, fixed={}
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
