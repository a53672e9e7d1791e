"""The JSON schema: what it lets pass and what it refuses, by another library's reading of it."""

from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given

from spaces import json_schema, load_spec, preset_names, preset_text
from spaces.vocabulary import FIELDS
from tests.spaces_tests.spec_strategies import relaxed, spec_mappings

VALIDATOR = jsonschema.Draft202012Validator(json_schema())


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())


@pytest.mark.parametrize("name", preset_names())
def test_presets_pass_as_written_and_as_resolved(name: str) -> None:
    VALIDATOR.validate(yaml.safe_load(preset_text(name)))
    VALIDATOR.validate(yaml.safe_load(load_spec(name).to_yaml()))


@pytest.mark.parametrize(
    "data",
    [
        {"fixed": 1024},
        {"fixed": 1024, "shuffle": False},
        {"pool": {"users": 20, "pairs_per_user": 5}},
        {"planted": {"users": 20, "items": 30, "pairs_per_user": 5}, "shuffle": False},
        {"modes": {"values": 20}, "rank": 2},
        {"modes": {"values": 20, "rank": 2, "shuffle": False}},
        {"table": "ratings.csv"},
        {"table": "ratings.csv", "user": "userId", "timestamp": "when", "shuffle": False},
        {"table": {"table": "ratings.csv", "split_seed": 4}},
    ],
)
def test_data_passes_as_it_may_be_written_short(data: dict[str, Any]) -> None:
    fixed = {"batch_size": 8} | ({} if {"modes", "table"} & data.keys() else {"dimension": 2})
    spec = {"name": "short", "fixed": fixed, "task": {"data": data}}
    VALIDATOR.validate(spec)
    VALIDATOR.validate(load_spec(spec).to_mapping())


@relaxed
@given(spec_mappings())
def test_what_loads_passes(data: dict[str, Any]) -> None:
    spec = load_spec(data)
    VALIDATOR.validate(data)
    VALIDATOR.validate(spec.to_mapping())


@pytest.mark.parametrize(
    ("section", "value"),
    [
        ("fixed", {"widht": 8}),
        ("fixed", {"width": 0}),
        ("fixed", {"width": 8.5}),
        ("fixed", {"learning_rate": 0}),
        ("fixed", {"momentum": 1}),
        ("fixed", {"layer_sizes": [0]}),
        ("fixed", {"y_range": 5}),
        ("fixed", {"y_range": [5]}),
        ("fixed", {"activation": "rule"}),
        ("grid", {"scale": 1.0}),
        ("grid", {"scale": []}),
        ("space", {"steps": {"low": 1, "high": 2}}),
        ("space", {"width": {"low": 1}}),
        ("space", {"activation": {"low": 1, "high": 2}}),
        ("task", {"data": {"fixed": 0}}),
        ("task", {"data": {"modes": {"values": 1, "rank": 2}}}),
        ("task", {"data": {"modes": {"users": 20}}}),
        ("task", {"data": {"table": ""}}),
        ("task", {"data": {"table": "a.csv", "rank": 2}}),
        ("grid", {"table": ["a.csv"]}),
        ("task", {"target": "sum"}),
        ("early_stopping", {"patience": 0}),
        ("halving", {}),
        ("sampler", "tpee"),
        ("sampler", "cmaes"),
        ("trials", 8),
    ],
)
def test_what_is_wrong_in_one_place_fails(section: str, value: object) -> None:
    good: dict[str, Any] = {"name": "good", "grid": {"dimension": [2]}}
    VALIDATOR.validate(good)
    inner = good.get(section, {})
    changed = inner | value if isinstance(value, dict) else value
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(good | {section: changed})


def test_every_field_is_described() -> None:
    schema = json_schema()
    described = {
        name: each["description"]
        for section in (schema["properties"]["fixed"], schema["$defs"]["Task"])
        for name, each in section["properties"].items()
        if "description" in each
    }
    described |= {
        name: each["anyOf"][0]["description"]
        for name, each in schema["$defs"]["Task"]["properties"].items()
        if "anyOf" in each
    }
    described["seed"] = schema["properties"]["seed"]["description"]
    assert described == {name: field.description for name, field in FIELDS.items()}
