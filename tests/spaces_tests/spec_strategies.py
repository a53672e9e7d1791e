"""Hypothesis strategies for specs: plain data that every rule allows."""

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from spaces.samplers import SAMPLER_NAMES

relaxed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""For tests that run beside others on a busy machine."""

HYPERPARAMETERS = {
    "dimension": st.integers(1, 10_000),
    "model": st.just("mlp"),  # others need other data
    "multiplication": st.booleans(),
    "depth": st.integers(0, 50),
    "width": st.integers(1, 10_000),
    "learning_rate": st.floats(1e-12, 1e3),
    "activation": st.sampled_from(["relu", "gelu", "silu", "tanh"]),
    "initialisation": st.sampled_from(["torch", "glorot", "he"]),  # those that suit any other
    "optimizer": st.sampled_from(["adam", "adagrad"]),  # which need no hyperparameter more
    "schedule": st.sampled_from(["constant", "cosine", "linear", "one_cycle"]),
    "batch_size": st.integers(1, 10_000),
    "steps": st.integers(1, 1_000_000),
    "layer_sizes": st.none()
    | st.lists(st.integers(1, 10_000) | st.just("3d"), min_size=1, max_size=4),
    "epochs": st.integers(1, 1000),
}
ALTERNATIVES = [
    ({"depth", "width"}, {"layer_sizes"}),
    ({"steps"}, {"epochs"}),
    ({"scale", "target"}, {"label_std"}),
]
"""Of each pair, what stands in a spec where the other does not."""
TASK = {
    "target": st.sampled_from(["dot", "cosine"]),
    "inputs": st.sampled_from(["normal", "uniform", "rademacher"]),
    "scale": st.floats(1e-5, 10.0),
    "label_std": st.floats(1e-4, 10.0),
    "label_noise_std": st.just(0.0) | st.floats(1e-30, 1e6),
    "data": st.just("stream"),
}
SAMPLE = {
    "data": st.just("fixed"),
    "pairs": st.integers(10_000, 20_000),  # no batch is larger
    "shuffle": st.booleans(),
}
POOL = {
    "data": st.just("pool"),
    "users": st.integers(200, 300),
    "items": st.integers(100, 200),
    "pairs_per_user": st.integers(60, 100),  # at least 10,800 training pairs
    "shuffle": st.booleans(),
}
PLANTED = {
    **POOL,
    "data": st.just("planted"),
    "items": st.integers(150, 200),  # more than a user has rated
}
EMBEDDED = {
    "factors": st.integers(1, 1000),
    "dropout": st.floats(0, 1, exclude_max=True),
    "optimizer": st.just("adam"),  # which reads what follows
    "beta_1": st.floats(0, 1, exclude_max=True),
    "beta_2": st.floats(0, 1, exclude_max=True),
    "epsilon": st.floats(1e-12, 1.0),
    "y_range": st.just("none")
    | st.sets(st.floats(-1e6, 1e6).map(lambda end: end + 0.0), min_size=2, max_size=2).map(sorted),
}
"""The hyperparameters of models on learned embeddings alone, and the optimizer that reads all."""
SHARED = {"dimension", "model", "batch_size", "steps", "epochs"}
INTEGERS = {"depth": 0, "width": 1, "factors": 1}
FLOATS = {
    **{"learning_rate": 1e3, "epsilon": 1.0},
    **dict.fromkeys(("dropout", "beta_1", "beta_2"), 0.999),
}

names = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,20}", fullmatch=True)
positive = st.integers(1, 1000)


def choices(name: str) -> st.SearchStrategy[dict[str, Any]]:
    most = 1 if name == "layer_sizes" else 4  # two may be the same at some dimension
    values = st.lists((HYPERPARAMETERS | EMBEDDED)[name], min_size=1, max_size=most, unique_by=repr)
    return st.builds(lambda items: {"choices": items}, values)


@st.composite
def integer_ranges(draw: st.DrawFn, lowest: int) -> dict[str, Any]:
    log = draw(st.booleans())
    low = draw(st.integers(max(lowest, 1) if log else lowest, 100))
    step = 1 if log else draw(st.integers(1, 5))
    return {"low": low, "high": low + step * draw(st.integers(0, 50)), "step": step, "log": log}


@st.composite
def float_ranges(draw: st.DrawFn, highest: float) -> dict[str, Any]:
    low, high = sorted(draw(st.tuples(st.floats(1e-9, highest), st.floats(1e-9, highest))))
    return {"low": low, "high": high, "log": draw(st.booleans())}


def domains(name: str) -> st.SearchStrategy[dict[str, Any]]:
    if name in INTEGERS:
        return choices(name) | integer_ranges(INTEGERS[name])
    return choices(name) | float_ranges(FLOATS[name]) if name in FLOATS else choices(name)


@st.composite
def placements(draw: st.DrawFn) -> dict[str, Any]:
    """Sections grid, space, fixed and task with each name in at most one of them."""
    grid: dict[str, Any] = {}
    space: dict[str, Any] = {}
    fixed: dict[str, Any] = {}
    task: dict[str, Any] = {}
    sample = draw(st.sampled_from([{}, SAMPLE, POOL, PLANTED]))
    finite = sample != {}
    fields = HYPERPARAMETERS | TASK | sample | (EMBEDDED if sample == PLANTED else {})
    for usual, other in ALTERNATIVES:
        chosen = draw(st.booleans()) and (finite or other != {"epochs"})
        fields = {
            name: each for name, each in fields.items() if name not in (usual if chosen else other)
        }
    of_task = TASK.keys() | SAMPLE.keys() | POOL.keys()
    for name, values in draw(st.permutations(list(fields.items()))):
        places = ["grid", "given"]
        places += [] if name in SHARED or name in of_task else ["space"]
        required = name in {"dimension", "layer_sizes", "epochs", "label_std"} or name in sample
        places += [] if required else ["default"]
        place = draw(st.sampled_from(places))
        if place == "grid":
            grid[name] = draw(st.lists(values, min_size=1, max_size=2, unique_by=repr))
        elif place == "space":
            space[name] = draw(domains(name))
        elif place == "given":
            (task if name in of_task else fixed)[name] = draw(values)
    return {"grid": grid, "space": space, "fixed": fixed, "task": task}


@st.composite
def spec_mappings(draw: st.DrawFn) -> dict[str, Any]:
    """Whole specs, as YAML would give them."""
    data: dict[str, Any] = {"name": draw(names)} | draw(placements())
    embedded = "planted" in [*data["grid"].get("data", []), data["task"].get("data")]
    steps = data["grid"].get("steps", [data["fixed"].get("steps", 4000)])
    if "epochs" in data["grid"] | data["fixed"]:
        steps = [1]  # at the least
    embedded = "planted" in (data["task"].get("data"), *data["grid"].get("data", []))
    gpus = st.just("auto") if embedded else st.just("auto") | st.floats(0, 1) | st.integers(0, 8)
    accelerators = st.none() if embedded else st.none() | st.sampled_from(["H200", "A100"])
    optional = {
        "seed": st.integers(0, 2**63 - 1),
        "sampler": st.sampled_from(SAMPLER_NAMES),
        "budget": st.fixed_dictionaries(
            {},
            optional={
                **dict.fromkeys(("trials", "startup_packs", "packs_in_flight"), positive),
                "pack_size": st.just("auto") | positive,
                "time": st.none() | st.sampled_from(["90s", "1.5d"]),
            },
        ),
        "halving": st.none()
        | st.fixed_dictionaries(
            {"grace_period": st.integers(1, min(steps))},
            optional={"reduction_factor": st.integers(2, 9), "min_survivors": positive},
        ),
        "confirm": st.none()
        | st.fixed_dictionaries(
            {"replicates": positive},
            optional={
                "steps_factors": st.sets(st.integers(2, 9)).map(lambda more: [1, *sorted(more)])
            },
        ),
        "resources": st.fixed_dictionaries(
            {},
            optional={
                "cpus": st.just("auto") | positive,
                "gpus": gpus,
                "accelerator": accelerators,
                "workers": st.just("auto") | positive,
            },
        ),
    }
    return data | draw(st.fixed_dictionaries({}, optional=optional))
