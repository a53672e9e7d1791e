"""What is said once in the vocabulary, held to what the engines and the spec make of it."""

import pytest
import torch

from results import CURVES, SUMMARY, TRIALS
from spaces import Spec, SpecError, Task, load_spec, studies
from spaces.vocabulary import (
    FIELDS,
    HYPERPARAMETERS,
    MEMBER_HYPERPARAMETERS,
    TASK_COLUMNS,
    TASK_FIELDS,
    configuration_of,
    unused_hyperparameters,
)
from tests.trainables_tests.packs import make_member
from trainables import pack
from trainables.families.activation_modules import ACTIVATION_MODULES
from trainables.families.constructed_start import CONSTRUCTED_STARTS
from trainables.families.mlp_initial_weights import INITIALISATIONS
from trainables.gpu.activation_operations import ACTIVATION_OPERATIONS
from trainables.gpu.optimiser_operations import OPTIMISER_OPERATIONS
from trainables.optimisers import OPTIMISERS, moments_of, torch_settings
from trainables.processor.compiled_member import kernel_settings
from trainables.processor.kernels.activation_code import ACTIVATION_CODE
from trainables.processor.kernels.optimiser_code import OPTIMISER_CODE
from trainables.schedules import SCHEDULES
from trainables.sources import SOURCES
from trainables.sources.inputs import INPUTS
from trainables.sources.targets import TARGETS


@pytest.mark.parametrize(
    ("name", "tables"),
    [
        ("activation", [ACTIVATION_MODULES, ACTIVATION_OPERATIONS, ACTIVATION_CODE]),
        ("optimizer", [OPTIMISERS, OPTIMISER_OPERATIONS, OPTIMISER_CODE]),
        ("initialisation", [{**INITIALISATIONS, **CONSTRUCTED_STARTS}]),
        ("schedule", [SCHEDULES]),
        ("target", [TARGETS]),
        ("inputs", [INPUTS]),
        ("data", [SOURCES]),
    ],
)
def test_every_name_is_one_that_the_engines_read(name, tables):
    for table in tables:
        assert set(table) == set(FIELDS[name].names)


def test_every_optimiser_reads_the_hyperparameters_that_belong_to_it():
    for name, optimiser in OPTIMISERS.items():
        belonging = {each.name for each in HYPERPARAMETERS.values() if name in each.belongs_to}
        assert {*optimiser.settings, *optimiser.of_embeddings} == belonging
        member = make_member(optimizer=name, **dict.fromkeys(belonging, 0.5))
        parameter = torch.nn.Parameter(torch.zeros(1))
        settings = torch_settings(member)
        made = optimiser.reference([parameter], lr=0.1, **settings)
        assert {key: made.defaults[key] for key in settings} == settings
        named = {"betas": (0.5, 0.5), "eps": 0.5}
        given = {key: named.get(key, 0.5) for key in settings}
        assert settings == given
        code = OPTIMISER_CODE[name]
        assert code.states == len(optimiser.states)
        assert len(kernel_settings(member, moments_of(member))) == 1 + len(code.settings)


def test_tasks_and_columns_have_the_fields():
    assert tuple(Task.model_fields) == tuple(TASK_FIELDS)
    assert tuple(pack.Task.__dataclass_fields__) == TASK_COLUMNS
    for schema in (TRIALS, SUMMARY):
        for name in TASK_COLUMNS:
            assert schema.field(name).metadata[b"description"].decode() == FIELDS[name].description
        assert set(MEMBER_HYPERPARAMETERS) < set(schema.names)
    assert not set(FIELDS) & set(CURVES.names)


def test_task_defaults_are_those_of_the_vocabulary():
    assert Task().model_dump() == {
        name: None if field.of_data else field.default for name, field in TASK_FIELDS.items()
    }
    columns = {name: value for name, value in Task().model_dump().items() if name in TASK_COLUMNS}
    assert pack.Task(dimension=1) == pack.Task(dimension=1, **columns)


def spec_of(**sections: object) -> Spec:
    fixed = {"dimension": 2} | sections.pop("fixed", {})  # type: ignore[operator]
    return load_spec({"name": "words", "fixed": fixed, **sections})


def test_what_no_optimiser_reads_is_neither_filled_in_nor_taken():
    assert not {"weight_decay", "momentum"} & spec_of().fixed.keys()
    assert spec_of(fixed={"optimizer": "adamw"}).fixed["weight_decay"] == 0.0
    assert not {"beta_1", "beta_2", "epsilon"} & spec_of().fixed.keys()
    embedded = {"planted": {"users": 20, "items": 10, "pairs_per_user": 3}}
    filled = spec_of(fixed={"batch_size": 8}, task={"data": embedded}).fixed
    assert [filled[each] for each in ("beta_1", "beta_2", "epsilon")] == [0.9, 0.999, 1e-8]
    spec = spec_of(grid={"optimizer": ["adam", "adamw"], "weight_decay": [0.1, 0.2]})
    assert len(studies(spec)) == 4
    space = {"momentum": {"low": 0.0, "high": 0.9}, "optimizer": {"choices": ["adam", "sgd"]}}
    assert "momentum" in spec_of(space=space).space
    assert load_spec(spec.to_mapping()) == spec
    with pytest.raises(SpecError, match=r"space.momentum: no optimizer .* uses it \(adamw\)"):
        spec_of(space={"momentum": {"low": 0, "high": 0.5}}, fixed={"optimizer": "adamw"})
    with pytest.raises(
        SpecError, match=r"momentum.*must be a finite number of at least 0 and below 1"
    ):
        spec_of(fixed={"optimizer": "sgd", "momentum": 1.0})
    with pytest.raises(SpecError, match=r"momentum.high: must be .* below 1"):
        spec_of(fixed={"optimizer": "sgd"}, space={"momentum": {"low": 0.0, "high": 1.0}})


@pytest.mark.parametrize("optimizer", OPTIMISERS)
def test_a_configuration_has_null_for_what_its_optimiser_does_not_read(optimizer):
    given = {name: field.default for name, field in MEMBER_HYPERPARAMETERS.items()}
    found = configuration_of(given | {"optimizer": optimizer, "steps": 3})
    assert list(found) == list(MEMBER_HYPERPARAMETERS)
    nulls = {name for name, value in found.items() if value is None}
    assert nulls == set(unused_hyperparameters([optimizer]))
    assert not nulls & set(OPTIMISERS[optimizer].settings)
