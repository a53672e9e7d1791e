"""The JSON schema of a spec, for editors: what may stand where, with descriptions."""

from dataclasses import replace
from typing import Any

from .samplers import SAMPLER_NAMES
from .spec import NULLABLE, Spec
from .vocabulary import FIELDS, HYPERPARAMETERS, SEED, TASK_FIELDS, Field

_JSON_TYPES = {
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "name": "string",
    "text": "string",
}


def json_schema() -> dict[str, Any]:
    """Return the schema, draft 2020-12.

    It holds the keys, types, bounds and names. What lies between keys (a hyperparameter in two
    places, a learning rate that float32 can't hold) is found when the spec is loaded.
    """
    schema = Spec.model_json_schema()
    sections = {
        "fixed": {name: _value(field) for name, field in HYPERPARAMETERS.items()},
        "grid": {name: _list(field) for name, field in FIELDS.items() if not field.why_not_in_grid},
        "space": {
            name: _domain(field)
            for name, field in HYPERPARAMETERS.items()
            if not field.why_not_in_space
        },
    }
    for name, properties in sections.items():
        schema["properties"][name] |= _section(properties)
    schema["properties"][SEED.name]["description"] = SEED.description
    task = {name: _value(field) for name, field in TASK_FIELDS.items()}
    for name in TASK_FIELDS:
        if name in NULLABLE:
            task[name] = {"anyOf": [task[name], {"type": "null"}]}
    of_more = (_short_data(source, None) for source in ("pool", "planted", "modes"))
    short = (_short_data("fixed", "pairs"), _short_data("table", "table"), *of_more)
    task["data"] = {"anyOf": [task["data"], *short]}
    schema["$defs"]["Task"] |= _section(task)
    for name in ("halving", "confirm", "early_stopping"):
        schema["properties"][name]["description"] = schema["$defs"][
            "".join(map(str.capitalize, name.split("_")))
        ]["description"]
    size = schema["$defs"]["Budget"]["properties"]["pack_size"]
    schema["$defs"]["Budget"]["properties"]["pack_size"] = {
        "anyOf": [{"type": "integer", "minimum": 1}, {"const": "auto"}],
        "default": "auto",
        "title": size["title"],
    }
    schema["properties"]["sampler"]["enum"] = list(SAMPLER_NAMES)
    off = {"const": False, "description": "What YAML 1.1 reads from off without quotes."}
    schema["properties"]["tensorboard"] = {
        "anyOf": [schema["properties"]["tensorboard"], off],
    }
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _section(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _value(field: Field) -> dict[str, Any]:
    """One value."""
    described: dict[str, Any] = {"description": field.description}
    if field.default is not None:
        described["default"] = field.default
    if field.kind == "layers":
        units = {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string"}]}
        lists = {"type": "array", "items": units}
        return described | {"anyOf": [lists, {"type": "string"}, {"type": "null"}]}
    if field.kind in ("int", "float") and field.names:
        number = _value(replace(field, names=(), default=None))
        del number["description"]
        return described | {"anyOf": [number, {"enum": list(field.names)}]}
    if field.kind == "range":
        ends = {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}
        return described | {"anyOf": [ends, {"type": "string"}, {"type": "null"}]}
    described["type"] = _JSON_TYPES[field.kind]
    if field.kind == "text":
        described["minLength"] = 1
    if field.kind == "name":
        described["enum"] = list(field.names)
    if field.kind in ("int", "float") and field.minimum > float("-inf"):
        described["exclusiveMinimum" if field.minimum_excluded else "minimum"] = field.minimum
    if field.maximum < float("inf"):
        described["exclusiveMaximum"] = field.maximum
    return described


def _list(field: Field) -> dict[str, Any]:
    return {"type": "array", "items": _value(field), "minItems": 1, "uniqueItems": True}


def _domain(field: Field) -> dict[str, Any]:
    choices = {
        "type": "object",
        "properties": {"choices": _list(field)},
        "required": ["choices"],
        "additionalProperties": False,
    }
    if field.kind not in ("int", "float"):
        return choices
    number = {"type": _JSON_TYPES[field.kind]}
    steps = [number, {"type": "null"}] if field.kind == "float" else [number]
    least = _value(replace(field, names=())) | {"description": "The least."}
    bounds = {"low": least, "high": number}
    ranged = {
        "type": "object",
        "properties": bounds | {"log": {"type": "boolean"}, "step": {"anyOf": steps}},
        "required": ["low", "high"],
        "additionalProperties": False,
    }
    return {"description": field.description, "anyOf": [ranged, choices]}


def _short_data(source: str, main: str | None) -> dict[str, Any]:
    """A source of data with what it reads: {fixed: 1024, shuffle: false}, {pool: {users: ...}}.

    `main` is the field whose value may stand for all.
    """
    read = {name: _value(field) for name, field in TASK_FIELDS.items() if source in field.of_data}
    values = [_section(read)] + ([] if main is None else [read[main]])
    return {**_section({**read, source: {"anyOf": values}}), "required": [source]}
