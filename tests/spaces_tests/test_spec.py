import itertools
import pickle

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import spaces
from spaces import (
    Budget,
    Choices,
    Confirm,
    FloatRange,
    Halving,
    IntRange,
    Resources,
    Spec,
    SpecError,
    Task,
    load_spec,
    preset_names,
    preset_text,
    studies,
)
from spaces.rules import RULES
from spaces.vocabulary import TASK_COLUMNS, parameter_count, uniform_parameter_count
from tests.spaces_tests.spec_strategies import (
    ALTERNATIVES,
    EMBEDDED,
    HYPERPARAMETERS,
    PLANTED,
    SAMPLE,
    TASK,
    relaxed,
    spec_mappings,
)

MINIMAL = {"name": "a", "fixed": {"dimension": 8}}


@relaxed
@given(spec_mappings())
def test_a_resolved_spec_loads_again_as_an_equal_spec(data):
    spec = load_spec(data)
    assert load_spec(yaml.safe_load(spec.to_yaml())) == spec
    assert load_spec(spec) is spec
    assert load_spec(spec, overrides=["seed=7"]).seed == 7


@relaxed
@given(spec_mappings())
def test_our_own_reader_agrees_with_safe_load_on_a_resolved_spec(tmp_path_factory, data):
    spec = load_spec(data)
    path = tmp_path_factory.mktemp("spec") / "spec.yaml"
    path.write_text(spec.to_yaml())
    assert load_spec(path) == spec
    assert load_spec(path).to_yaml() == spec.to_yaml()


@pytest.mark.parametrize("name", ["1e3", "123", "null", "true", "2020-01-01", "1.5", "0x10"])
def test_a_name_that_yaml_could_take_for_something_else_survives(tmp_path, name):
    spec = load_spec(MINIMAL, name=name)
    path = tmp_path / "spec.yaml"
    path.write_text(spec.to_yaml())
    assert load_spec(path).name == yaml.safe_load(spec.to_yaml())["name"] == name


@relaxed
@given(spec_mappings())
def test_every_hyperparameter_stands_in_exactly_one_place(data):
    spec = load_spec(data)
    given = {name for name, value in spec.task.model_dump().items() if value is not None}
    places = [*spec.grid, *spec.space, *spec.fixed, *(given - spec.grid.keys())]
    assert len(places) == len(set(places))
    for usual, other in ALTERNATIVES:
        assert (usual <= set(places)) != (other <= set(places))
    either = set[str]().union(*(usual | other for usual, other in ALTERNATIVES))
    assert set(HYPERPARAMETERS) - either <= set(places)


@relaxed
@given(spec_mappings())
def test_studies_are_complete_and_have_unique_names(data):
    spec = load_spec(data)
    found = studies(spec)
    assert [tuple(study.grid.values()) for study in found] == list(
        itertools.product(*spec.grid.values())
    )
    assert len({study.name for study in found}) == len(found)
    for study in found:
        layers = (
            {"layer_sizes"}
            if "layer_sizes" in {**study.fixed, **study.space}
            else {"depth", "width"}
        )
        others = set(HYPERPARAMETERS) - {"layer_sizes", "depth", "width", "epochs"}
        others |= EMBEDDED.keys() if study.task["data"] == "planted" else set()
        assert set(study.fixed) | set(study.space) == layers | others
        assert not set(study.fixed) & set(study.space)
        assert tuple(study.task) == TASK_COLUMNS
        merged = dict(study.fixed) | dict(study.task)
        assert all(
            merged[key] == value
            for key, value in study.grid.items()
            if key not in ("layer_sizes", "epochs", "label_std")  # resolved: held below
        )
        assert pickle.loads(pickle.dumps(study)) == study


@relaxed
@given(spec_mappings(), st.data())
def test_a_further_grid_value_leaves_the_other_studies_equal(data, draw):
    spec = load_spec(data)
    if not spec.grid.keys() - {"data"}:
        return
    key = draw.draw(st.sampled_from(sorted(spec.grid.keys() - {"data"})))
    values = (HYPERPARAMETERS | TASK | SAMPLE | PLANTED | EMBEDDED)[key]
    further = RULES[key].check(draw.draw(values))
    if further in spec.grid[key]:
        return
    grid = dict(data["grid"]) | {key: [further, *data["grid"][key]]}
    wider = load_spec(data | {"grid": grid, "halving": None})
    assert [study for study in studies(wider) if study.grid[key] != further] == list(studies(spec))


def test_study_names_are_readable():
    grid = {"dimension": [8], "multiplication": [False], "label_noise_std": [0, 0.1]}
    names = [study.name for study in studies(load_spec({"name": "a", "grid": grid}))]
    assert names == [
        "dimension=8,multiplication=false,label_noise_std=0.0",
        "dimension=8,multiplication=false,label_noise_std=0.1",
    ]
    (study,) = studies(load_spec(MINIMAL))
    assert study.name == "dimension=8"
    assert study.grid == {}


def test_a_grid_value_of_the_task_reaches_the_task_of_its_study():
    spec = load_spec({"name": "a", "grid": {"dimension": [2], "scale": [1, 2]}})
    assert [study.task["scale"] for study in studies(spec)] == [1.0, 2.0]
    assert "scale" not in spec.to_mapping()["task"]


def test_defaults():
    spec = load_spec(MINIMAL)
    assert spec == Spec(
        name="a",
        seed=0,
        grid={},
        space={},
        fixed={
            "dimension": 8,
            "multiplication": False,
            "depth": 2,
            "width": 32,
            "learning_rate": 1e-2,
            "activation": "relu",
            "optimizer": "adam",
            "schedule": "cosine",
            "batch_size": 256,
            "steps": 4000,
        },
        task=Task(target="dot", inputs="normal", scale=1.0, label_noise_std=0.0, data="stream"),
        sampler="tpe",
        budget=Budget(trials=64, pack_size=16, startup_packs=1, packs_in_flight=1),
        halving=None,
        confirm=Confirm(replicates=5, steps_factors=[1]),
        resources=Resources(cpus="auto", gpus="auto", workers="auto"),
    )
    halving = Halving(grace_period=5)
    assert (halving.reduction_factor, halving.min_survivors) == (2, 4)


def test_whole_numbers_become_floats_where_a_float_is_meant():
    data = {
        "name": "a",
        "grid": {"dimension": [1], "scale": [2], "label_noise_std": [-0.0]},
        "space": {"learning_rate": {"low": 1, "high": 2}},
        "resources": {"gpus": 1},
    }
    spec = load_spec(data)
    rate = spec.space["learning_rate"]
    assert isinstance(rate, FloatRange)
    found = (spec.grid["scale"][0], rate.low, rate.high, spec.resources.gpus)
    assert [repr(value) for value in found] == ["2.0", "1.0", "2.0", "1.0"]
    assert repr(spec.grid["label_noise_std"]) == "[0.0]"
    data["space"] = {"learning_rate": {"choices": [1, 2]}}
    assert repr(load_spec(data).space["learning_rate"]) == "Choices(choices=(1.0, 2.0))"


def test_domains_may_be_given_as_objects():
    space = {
        "depth": IntRange(low=0, high=4),
        "learning_rate": FloatRange(low=1e-4, high=1e-1, log=True),
        "activation": Choices(choices=["relu", "tanh"]),
    }
    spec = Spec(name="a", grid={"dimension": [1]}, space=space)
    assert spec.space == space
    written = {
        "depth": {"low": 0, "high": 4},
        "learning_rate": {"low": 1e-4, "high": 1e-1, "log": True},
        "activation": {"choices": ["relu", "tanh"]},
    }
    assert load_spec({"name": "a", "grid": {"dimension": [1]}, "space": written}) == spec
    assert IntRange(low=3, high=3).step == 1
    assert FloatRange(low=0.1, high=0.4, step=0.1).high == 0.4


def test_a_spec_is_frozen():
    spec = load_spec(MINIMAL)
    with pytest.raises(ValidationError, match="frozen"):
        spec.seed = 1
    assert pickle.loads(pickle.dumps(spec)) == spec


def test_a_spec_made_in_python_obeys_the_same_rules():
    with pytest.raises(ValidationError, match="dimension: missing; put it in grid"):
        Spec(name="a")


@pytest.mark.parametrize(
    ("changes", "noted"),
    [
        (["budget.trials=63"], True),
        (["budget.trials=64"], False),
        (["budget.trials=63", "sampler=random"], False),
        (["budget.trials=63", "sampler=qmc"], False),
        (["budget.trials=63", "sampler=gp"], True),
        (["budget.trials=63", "space="], False),
    ],
)
def test_a_sampler_that_hardly_acts_is_noted(changes, noted):
    spec = load_spec("quick", overrides=changes)
    said = f"fewer than 4 packs a study, so the sampler {spec.sampler} hardly acts"
    assert [(said in note) for note in spec.notes()] == [True] * noted


def test_presets():
    assert {"achievable-loss", "notebook", "quick", "smoke"} <= {*preset_names()}
    for name in preset_names():
        spec = load_spec(name)
        assert spec.name == name
        assert load_spec(yaml.safe_load(preset_text(name))) == spec
        header = [line for line in preset_text(name).splitlines() if line.startswith("#")]
        for word in (f"dottune run {name}", "Expected time:", "Expected result:"):
            assert any(word in line for line in header)


def test_what_the_presets_promise():
    quick, long, smoke = (load_spec(name) for name in ("quick", "achievable-loss", "smoke"))
    assert len(studies(quick)) == 8
    assert quick.budget.trials >= 64
    assert quick.notes() == ()
    assert long.grid["dimension"] == [1, 2, 4, 8, 16, 32, 64]
    assert len(studies(smoke)) >= 2
    assert smoke.confirm is not None
    notebook = load_spec("notebook")
    assert notebook.early_stopping is not None
    assert notebook.early_stopping.patience == 2
    (linear,) = (
        study
        for study in studies(notebook)
        if study.name == "dimension=4,multiplication=true,layer_sizes=linear"
    )
    assert (linear.fixed["steps"], linear.task["pairs"]) == (300, 1024)


def test_the_public_names_are_sorted_and_there():
    assert spaces.__all__ == sorted(spaces.__all__)
    assert all(hasattr(spaces, name) for name in spaces.__all__)


@given(epochs=st.integers(1, 50), pairs=st.integers(8, 100), batch_size=st.integers(1, 8))
def test_steps_are_the_fewest_batches_that_hold_the_epochs(
    epochs: int, pairs: int, batch_size: int
) -> None:
    fixed = {"dimension": 1, "epochs": epochs, "batch_size": batch_size}
    (study,) = studies(load_spec({"name": "a", "fixed": fixed, "task": {"data": {"fixed": pairs}}}))
    steps = int(study.fixed["steps"])
    assert (steps - 1) * batch_size < epochs * pairs <= steps * batch_size


@given(inputs=st.integers(1, 40), width=st.integers(1, 40), depth=st.integers(0, 8))
def test_layers_of_one_width_are_counted_as_any_others(inputs: int, width: int, depth: int) -> None:
    counted = uniform_parameter_count(inputs=inputs, width=width, depth=depth)
    assert counted == parameter_count(inputs=inputs, units=(width,) * depth)


def test_a_depth_beyond_all_parameters_is_refused() -> None:
    fixed = {"dimension": 1, "depth": 10**12, "parameters": 1000}
    with pytest.raises(SpecError, match="parameters: must be at least 2000000000003"):
        load_spec({"name": "a", "fixed": fixed})
