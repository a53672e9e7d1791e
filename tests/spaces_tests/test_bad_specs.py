"""Each fault of a spec has a message of its own: the path, the rule, the value, what to do."""

import copy
import math
import pickle

import pytest
from pydantic import ValidationError

from spaces import Choices, FloatRange, IntRange, SpecError, load_spec

GOOD = {
    "name": "good",
    "grid": {"dimension": [1, 2]},
    "space": {"depth": {"low": 0, "high": 2}},
    "fixed": {"steps": 100},
}
SHARED = "the members of a pack share it; put it in grid or fixed"
CANT_COMPARE = "losses of different dimensions can't be compared, an optimiser would pick the small"


def changed(path, value):
    data = copy.deepcopy(GOOD)
    part = data
    *outer, last = path.split(".")
    for key in outer:
        part = part.setdefault(key, {})
    part[last] = value
    return data


def faults(data):
    with pytest.raises(SpecError, match=r".") as caught:
        load_spec(data)
    assert str(caught.value) == "\n".join(caught.value.faults)
    return caught.value.faults


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        # names and unknown keys
        ("name", "Upper", 'name: must be at most 100 of a-z, 0-9, .*; got "Upper"'),
        ("name", "a/b", 'name: must be .*; got "a/b"'),
        ("name", "", 'name: must be .*; got ""'),
        ("name", "a\n", 'name: must be .*; got "a\\\\n"'),
        ("name", "a" * 101, "name: must be at most 100"),
        ("name", ".hidden", 'name: must be .*, beginning with a letter or digit; got ".hidden"'),
        ("name", 7, "name: must be .*; got 7; write it in quotes"),
        ("buget", {}, r"buget: unknown key; got {}; did you mean budget\? allowed: name, seed, "),
        (
            "grid.dimensoin",
            [1],
            r"grid.dimensoin: unknown key; got \[1\]; did you mean dimension\?",
        ),
        (
            "fixed.lr",
            1,
            "fixed.lr: unknown key; got 1; allowed: dimension, model, factors, y_range, ",
        ),
        ("fixed.scale", 2, r"fixed.scale: unknown key; got 2; did you mean task.scale\?"),
        (
            "space.widht",
            {},
            r"space.widht: unknown key; got {}; did you mean width\? allowed: factors, y_range",
        ),
        ("task.scal", 1, r"task.scal: unknown key; got 1; did you mean scale\?"),
        ("space.depth.hihg", 3, r"space.depth.hihg: unknown key; got 3; did you mean high\?"),
        (
            "resources.cpu",
            1,
            r"resources.cpu: unknown key; got 1; did you mean cpus\? allowed: cpu",
        ),
        # where a parameter may stand
        ("space.dimension", {"low": 1, "high": 9}, f"space.dimension: can't be .*{CANT_COMPARE}"),
        ("space.batch_size", {"low": 1, "high": 9}, f"space.batch_size: can't be in .*{SHARED}"),
        ("space.steps", {"low": 1, "high": 9}, f"space.steps: can't be in space: {SHARED}"),
        ("space.scale", {"low": 1, "high": 9}, "space.scale: can't be in space: a study has one"),
        ("fixed.depth", 1, r"depth: stands in space and fixed, but may stand in one .*--set space"),
        ("fixed.dimension", 1, "dimension: stands in grid and fixed, but may stand in one place"),
        ("grid.depth", [1], "depth: stands in grid and space, but may stand in one place only"),
        ("grid", {}, r"dimension: missing; put it in grid \(dimension: \[1, 2, 4\]\) or in fixed"),
        # sections of the wrong shape
        ("grid", [1], r"grid: must be a mapping \(key: value\); got \[1\]"),
        ("space", "width", r'space: must be a mapping \(key: value\); got "width"'),
        ("budget", 64, r"budget: must be a mapping \(key: value\); got 64"),
        ("budget", None, r"budget: must be a mapping \(key: value\); got null"),
        # lists
        ("grid.dimension", 8, r"grid.dimension: must be a list of values; got 8; write \[value\]"),
        ("grid.dimension", "12", r'grid.dimension: must be a list of values; got "12"'),
        ("grid.dimension", [], r"grid.dimension: must hold at least one value; got \[\]"),
        ("grid.dimension", [1, 2, 1], r"grid.dimension\[2\]: stands in the list already; got 1"),
        ("grid.scale", [1, 1.0], r"grid.scale\[1\]: stands in the list already; got 1.0"),
        (
            "grid.dimension",
            [0],
            r"grid.dimension\[0\]: must be a whole number of at least 1; got 0",
        ),
        ("space.depth", {"choices": []}, r"space.depth.choices: must hold at least one value"),
        ("space.depth", {"choices": 3}, r"space.depth.choices: must be a list of values; got 3"),
        ("space.depth", {"choices": [1, 1]}, r"space.depth.choices\[1\]: stands in the list alrea"),
        (
            "space.depth",
            {"choices": [-1]},
            r"space.depth.choices\[0\]: must be a whole number of a",
        ),
        (
            "space.depth",
            {"choices": [1], "low": 0},
            "space.depth.low: unknown key; got 0; allowed: choices",
        ),
        (
            "space.activation",
            {"choices": ["relu", "geluu"]},
            r'space.activation.choices\[1\]: must be one of relu, gelu, silu, tanh; got "geluu"; '
            r"did you mean gelu\?",
        ),
        # ranges
        (
            "space.width",
            {"low": 8, "high": 4},
            r"space.width.low: low must not exceed high \(4\); g",
        ),
        (
            "space.width",
            {"low": 0, "high": 4, "log": True},
            "space.width.low: a log range must begin above 0; got 0; raise low or leave out log",
        ),
        (
            "space.width",
            {"low": 0, "high": 4},
            "space.width.low: must be a whole number of at leas",
        ),
        (
            "space.depth",
            {"low": -1, "high": 4},
            "space.depth.low: must be a whole number of at lea",
        ),
        ("space.depth", {"low": 0}, "space.depth.high: missing; add it"),
        (
            "space.depth",
            {"low": 0.0, "high": 4},
            "space.depth.low: must be a whole number; got 0.0",
        ),
        (
            "space.depth",
            {"low": 0, "high": True},
            "space.depth.high: must be a whole number; got tr",
        ),
        (
            "space.depth",
            {"low": 0, "high": 4, "log": 1},
            "space.depth.log: must be true or false; g",
        ),
        (
            "space.depth",
            {"low": 0, "high": 4, "step": 0},
            "space.depth.step: must be at least 1; go",
        ),
        (
            "space.depth",
            {"low": 0, "high": 4, "step": 3},
            "space.depth.high: high must be low plus a whole number of steps of 3; got 4; write 3",
        ),
        (
            "space.width",
            {"low": 1, "high": 5, "step": 2, "log": True},
            "space.width.step: a log range has no step; got 2; leave out step or log",
        ),
        (
            "space.learning_rate",
            {"low": 0.1, "high": 0.5, "step": 0.1, "log": True},
            "space.learning_rate.step: a log range has no step; got 0.1",
        ),
        (
            "space.learning_rate",
            {"low": 0.1, "high": 0.45, "step": 0.1},
            "space.learning_rate.high: high must be low plus .* steps of 0.1; got 0.45; write 0.4",
        ),
        (
            "space.learning_rate",
            {"low": 0.0, "high": 1.0},
            "space.learning_rate.low: must be a finite number above 0; got 0.0",
        ),
        (
            "space.learning_rate",
            {"low": "1e-3", "high": 1.0},
            'space.learning_rate.low: must be a number; got "1e-3"; write it without quotes',
        ),
        (
            "space.depth",
            3,
            r"space.depth: must be {low: , high: } .*; got 3; a single value belongs",
        ),
        (
            "space.depth",
            [1, 2],
            r"space.depth: must be .*; got \[1, 2\]; a list is written {choices",
        ),
        ("space.depth", None, r"space.depth: must be {low: , high: } .*; got null"),
        (
            "space.multiplication",
            {"low": 0, "high": 1},
            r'space.multiplication: must be {choices: \[false, true\]}; got {"low": 0, "high": 1}',
        ),
        ("space.learning_rate", IntRange(low=1, high=2), r"must be .*\(a FloatRange\)"),
        # NaN and infinity
        (
            "fixed.learning_rate",
            math.nan,
            "fixed.learning_rate: must be a finite number above 0; go",
        ),
        (
            "grid.scale",
            [math.inf],
            r"grid.scale\[0\]: must be a finite number above 0; got Infinity",
        ),
        (
            "task.label_noise_std",
            math.nan,
            "task.label_noise_std: must be a finite number of at le",
        ),
        (
            "space.learning_rate",
            {"low": 0.1, "high": math.inf},
            "space.learning_rate.high: must be a finite number; got Infinity",
        ),
        (
            "space.learning_rate",
            {"choices": [math.nan]},
            r"choices\[0\]: must be a finite number ab",
        ),
        (
            "resources.gpus",
            math.inf,
            "resources.gpus: must be a finite number of at least 0, or aut",
        ),
        ("budget.trials", math.nan, "budget.trials: must be .* number; got NaN"),
        ("seed", math.nan, "seed: must be .* number; got NaN"),
        # types: nothing is converted
        ("fixed.multiplication", 1, "fixed.multiplication: must be true or false; got 1"),
        ("fixed.multiplication", "yes", 'fixed.multiplication: must be true or false; got "yes"'),
        ("fixed.width", True, "fixed.width: must be a whole number of at least 1; got true"),
        (
            "fixed.width",
            "8",
            'fixed.width: must be a whole number .*; got "8"; write it without quo',
        ),
        ("fixed.batch_size", 256.0, "fixed.batch_size: must be a whole .*; got 256.0; write 256"),
        ("fixed.width", 10**30, "fixed.width: must be a whole number"),
        ("fixed.learning_rate", 10**400, "fixed.learning_rate: must be a finite number above 0"),
        ("fixed.learning_rate", "1e-3", r"fixed.learning_rate: must be .*\(a float as 1.0e-3\)"),
        (
            "fixed.learning_rate",
            True,
            "fixed.learning_rate: must be a finite number above 0; got tr",
        ),
        ("budget.trials", True, "budget.trials: must be a whole number; got true"),
        ("budget.trials", "8", 'budget.trials: must be a whole number; got "8"; write it without'),
        ("budget.trials", 8.0, "budget.trials: must be a whole number; got 8.0"),
        ("seed", True, "seed: must be a whole number; got true"),
        ("seed", -1, "seed: must be at least 0; got -1"),
        ("seed", 2**63, "seed: must be below 9223372036854775808"),
        # bounds
        ("budget.trials", 0, "budget.trials: must be at least 1; got 0"),
        ("budget.pack_size", 0, "pack_size: must be a whole number of at least 1, or auto; got 0"),
        ("budget.startup_packs", 0, "budget.startup_packs: must be at least 1; got 0"),
        ("budget.packs_in_flight", 0, "budget.packs_in_flight: must be at least 1; got 0"),
        ("fixed.steps", 0, "fixed.steps: must be a whole number of at least 1; got 0"),
        ("fixed.learning_rate", 0, "fixed.learning_rate: must be a finite number above 0; got 0"),
        ("task.label_noise_std", -1, "task.label_noise_std: must be a finite number of at least 0"),
        ("halving", False, r"halving: must be a mapping .* or null; got false; write null for no"),
        ("confirm", False, r"confirm: must be a mapping .* or null; got false; write null for no"),
        ("confirm", "None", r'confirm: must be a mapping .*; got "None"; write null for none'),
        ("halving", {}, "halving.grace_period: missing; add it"),
        ("halving", {"grace_period": 0}, "halving.grace_period: must be at least 1; got 0"),
        (
            "halving",
            {"grace_period": 101},
            r"halving.grace_period: must not exceed the smallest steps \(100\); got 101; lower it",
        ),
        (
            "halving",
            {"grace_period": 1, "reduction_factor": 1},
            "halving.reduction_factor: must be at least 2; got 1",
        ),
        (
            "halving",
            {"grace_period": 1, "min_survivors": 0},
            "halving.min_survivors: must be at least 1; got 0",
        ),
        ("confirm.replicates", 0, "confirm.replicates: must be at least 1; got 0"),
        (
            "confirm.steps_factors",
            [2],
            r"confirm.steps_factors: must ascend, hold 1 and hold .*\[2\]",
        ),
        ("confirm.steps_factors", [1, 4, 2], r"confirm.steps_factors: must ascend.*; write \[1\]"),
        (
            "confirm.steps_factors",
            [1, 1],
            "confirm.steps_factors: must ascend, hold 1 and hold not",
        ),
        ("confirm.steps_factors", [], "confirm.steps_factors: must ascend, hold 1"),
        ("confirm.steps_factors", [0, 1], r"confirm.steps_factors\[0\]: must be at least 1; got 0"),
        ("confirm.steps_factors", [1, 1.5], r"confirm.steps_factors\[1\]: must be a whole number"),
        ("confirm.steps_factors", 4, "confirm.steps_factors: must be a list; got 4"),
        ("resources.cpus", 0, "resources.cpus: must be a finite number above 0, or auto; got 0"),
        (
            "resources.gpus",
            1.5,
            "resources.gpus: must be a fraction of one GPU or a whole number of them; got 1.5; "
            "write 2",
        ),
        (
            "resources.accelerator",
            "an H200",
            "resources.accelerator: must be the name of an accelerator; got .*; write it as Ray",
        ),
        (
            "resources.gpus",
            -1,
            "resources.gpus: must be a finite number of at least 0, or auto; got",
        ),
        ("resources.workers", "all", "resources.workers: must be a whole number .*, or auto; got"),
        (
            "resources.workers",
            0,
            "resources.workers: must be a whole number of at least 1, or auto",
        ),
        # names of a fixed set
        (
            "sampler",
            "tpee",
            r"sampler: must be one of tpe, random, qmc, gp; got \"tpee\"; did you mean tpe\?",
        ),
        ("sampler", "GPSampler", r"one of tpe, random, qmc, gp; got \"GPSampler\"; .* mean gp\?"),
        ("sampler", ["tpe"], r"sampler: must be one of tpe, random, qmc, gp; got \[\"tpe\"\]"),
        (
            "sampler",
            "cmaes",
            "sampler: must be one of tpe, random, qmc, gp: cmaes keeps its state between "
            'suggestions, so its packs are no pure function of the finished ones; got "cmaes"; '
            "write tpe or gp",
        ),
        ("sampler", "NSGA-II", 'NSGA-II keeps its state between .*; got "NSGA-II"; write tpe or'),
        ("sampler", "GridSampler", "GridSampler tries listed combinations, .*; list the values in"),
        ("sampler", "brute_force", "brute_force tries every combination, .*; list the values in"),
        ("sampler", "partial_fixed", "partial_fixed only holds values fixed .* in fixed"),
        (
            "task.data",
            "pol",
            "task.data: must be one of stream, fixed, pool, planted, modes, table; got",
        ),
        ("task.target", "cosin", "must be one of dot, cosine; got .*; did you mean cosine"),
        ("fixed.activation", "rulu", r"must be one of relu, .*; got \"rulu\"; did you mean relu\?"),
        ("fixed.optimizer", "adan", 'must be one of adam, .*; got "adan"; did you mean adam'),
        (
            "fixed.weight_decay",
            0.1,
            r"fixed.weight_decay: no optimizer of this search uses it \(adam\); leave it out, or "
            "let optimizer be adamw",
        ),
        (
            "fixed.dropout",
            0.5,
            r"fixed.dropout: no data of this search has it \(stream\); leave it out, or let data "
            "be planted or modes or table",
        ),
        (
            "space.momentum",
            {"low": 0.0, "high": 0.9},
            "space.momentum: no optimizer of this search uses it",
        ),
    ],
)
def test_one_fault(path, value, message):
    data = changed(path, value)
    with pytest.raises(SpecError, match=message):
        load_spec(data)


def test_a_good_spec_is_good():
    assert load_spec(GOOD).name == "good"


def test_the_smallest_steps_of_the_grid_count():
    data = changed("halving", {"grace_period": 60})
    data["fixed"] = {}
    data["grid"]["steps"] = [100, 50]
    assert faults(data) == (
        "halving.grace_period: must not exceed the smallest steps (50); got 60; "
        "lower it or raise steps",
    )
    data["halving"]["grace_period"] = 50
    assert load_spec(data).halving.grace_period == 50


def test_a_task_field_in_the_grid_and_in_the_task():
    data = changed("task", {"scale": 2})
    data["grid"]["scale"] = [1]
    (fault,) = faults(data)
    assert fault.startswith("scale: stands in grid and task, but may stand in one place only")


def test_all_faults_are_reported_at_once():
    data = changed("budget", {"trails": 1, "pack_size": 0})
    data |= {"name": "Bad", "sampler": "none", "halving": {"grace_period": 500}}
    data["fixed"] |= {"depth": 1, "width": "8", "activation": "rule"}
    data["space"] = {"depth": {"low": 2, "high": 1, "lag": True}, "steps": {"low": 1, "high": 2}}
    found = [fault.partition(":")[0] for fault in faults(data)]
    assert sorted(found) == sorted(
        [
            "name",
            "budget.trails",
            "budget.pack_size",
            "sampler",
            "halving.grace_period",
            "fixed.width",
            "fixed.activation",
            "space.depth.lag",
            "space.depth.low",
            "space.steps",
            "depth",
            "steps",
        ]
    )


def test_faults_of_overrides_come_with_those_of_the_spec():
    with pytest.raises(SpecError, match="KEY=VALUE") as caught:
        load_spec(changed("seed", -1), overrides=["nonsense"])
    assert len(caught.value.faults) == 2


def test_a_long_value_is_cut():
    (fault,) = faults(changed("fixed.width", ["x" * 1000]))
    assert "..." in fault
    assert len(fault) < 300


def test_a_value_that_cannot_be_shown_is_named():
    deep = []
    for _ in range(100_000):
        deep = [deep]
    (fault,) = faults(changed("fixed.width", deep))
    assert "got a deeply nested list" in fault
    cyclic = []
    cyclic.append(cyclic)
    (fault,) = faults(changed("fixed.width", cyclic))
    assert "got [[...]]" in fault


def test_an_error_travels_between_processes():
    error = SpecError(["a", "b"])
    assert pickle.loads(pickle.dumps(error)).faults == error.faults == ("a", "b")


def test_domains_refuse_what_they_cannot_mean():
    with pytest.raises(ValidationError, match="low must not exceed high"):
        IntRange(low=2, high=1)
    with pytest.raises(ValidationError, match="finite"):
        FloatRange(low=0.0, high=math.inf)
    with pytest.raises(ValidationError, match="at least one value"):
        Choices(choices=[])
    with pytest.raises(ValidationError, match="true or false, a finite number or text"):
        Choices(choices=[None, 10**400])
    assert Choices(choices=[1, True, 1.0]).choices == (1, True, 1.0)
