"""Whatever stands in a spec is understood, or refused with its faults: never anything else."""

import copy
import json
import math
from collections.abc import Iterator, Sequence
from typing import Any

import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from search.planning.search_plan import SearchPlan
from spaces import Spec, SpecError, load_spec, studies
from spaces.loading import preset_names, preset_text
from spaces.spec import KNOWN_KEYS

SPECS = {name: yaml.safe_load(preset_text(name)) for name in preset_names()}
WORDS = sorted({part for key in KNOWN_KEYS for part in key.split(".")})
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-3, 300)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["4d", "d/2", "null", "auto", "adam", "2h", "1e400", "\ud800", "a\nb"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=8,
)
Path = tuple[Any, ...]


def places(value: Any, path: Path = ()) -> Iterator[Path]:
    """The paths of all values within a value."""
    yield path
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in items:
            yield from places(inner, (*path, key))


@st.composite
def changed_specs(draw: st.DrawFn) -> dict[str, Any]:
    """A preset in which some values are others, gone, or new."""
    spec: dict[str, Any] = copy.deepcopy(draw(st.sampled_from([*SPECS.values()])))
    for _ in range(draw(st.integers(1, 4))):
        *path, last = draw(st.sampled_from([path for path in places(spec) if path]))
        holder: Any = spec
        for key in path:
            holder = holder[key]
        match draw(st.sampled_from(["change", "change", "remove", "add"])):
            case "change":
                holder[last] = draw(VALUES)
            case "remove":
                del holder[last]
            case _ if isinstance(holder, dict):
                holder[draw(st.sampled_from(WORDS))] = draw(VALUES)
            case _:
                holder.append(draw(VALUES))
        if not spec:
            break
    return spec


def _loaded(data: dict[str, Any]) -> tuple[Spec | None, Sequence[str]]:
    try:
        return load_spec(data), ()
    except SpecError as error:
        return None, error.faults


@settings(max_examples=400, deadline=None)
@given(changed_specs())
@example({"name": "x", "grid": {"dimension": [1]}, "budget": {"time": "9" * 400 + "h"}})
def test_a_spec_is_understood_or_refused(data: dict[str, Any]) -> None:
    before = repr(data)
    spec, faults = _loaded(data)
    assert repr(data) == before  # nobody's data is changed
    if spec is None:
        assert faults
        assert all(fault.strip() for fault in faults)
        return
    assert load_spec(spec.to_mapping()) == spec
    assert load_spec(yaml.safe_load(spec.to_yaml())) == spec
    json.dumps(spec.to_mapping(), allow_nan=False)
    assert spec.budget.seconds is None or math.isfinite(spec.budget.seconds)
    of_study = max(spec.budget.pack_size, spec.budget.trials or 0)
    if spec.has_table:  # which is read before there are studies
        return
    if of_study <= 10_000 and len(studies(spec)) <= 100:
        pack = SearchPlan(spec).next_pack()
        assert pack is not None
        assert len(pack.members) == spec.budget.members(0) <= spec.budget.pack_size
