"""The data of a task in a spec: how it is written, what follows from it, and what is refused."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spaces import SpecError, Study, Task, load_spec, studies


def spec_of(task: dict[str, Any], **fixed: Any) -> dict[str, Any]:
    usual = {"dimension": 3, "steps": 5, "batch_size": 4} | fixed
    given = {name: value for name, value in usual.items() if value is not None}
    return {"name": "a", "fixed": given, "task": task}


def study_of(task: dict[str, Any], **fixed: Any) -> Study:
    spec = load_spec(spec_of(task, **fixed))
    assert load_spec(spec.to_mapping()) == spec
    (study,) = studies(spec)
    return study


@pytest.mark.parametrize(
    "task",
    [
        {"data": "pool", "users": 20, "items": 20, "pairs_per_user": 5},
        {"data": {"pool": {"users": 20, "pairs_per_user": 5}}},
        {"data": {"pool": {"users": 20, "items": 20}, "pairs_per_user": 5}},
        {"data": {"pool": {"pairs_per_user": 5}}, "users": 20},
    ],
)
def test_a_pool_may_be_written_in_any_of_these_ways(task: dict[str, Any]) -> None:
    expected = {"users": 20, "items": 20, "pairs_per_user": 5, "pairs": 90, "shuffle": True}
    assert study_of(task).task.items() >= expected.items()


@given(users=st.integers(1, 10**6), each=st.integers(1, 10**4))
def test_a_tenth_of_a_pool_is_for_tests(users: int, each: int) -> None:
    if users * each < 10:
        return
    pool = {"users": users, "items": 10**4, "pairs_per_user": each}
    pairs = study_of({"data": {"pool": pool}}, batch_size=1).task["pairs"]
    assert isinstance(pairs, int)
    assert 9 * users * each <= 10 * pairs < 9 * users * each + 10


@pytest.mark.parametrize(
    "task",
    [
        {"data": "modes", "values": 20, "rank": 3},
        {"data": {"modes": {"values": 20, "rank": 3}}},
        {"data": {"modes": {"values": 20, "rank": 3, "shuffle": True}}},
        {"data": {"modes": {"values": 20}}, "rank": 3},
    ],
)
def test_two_modes_have_a_rank_in_place_of_a_dimension(task: dict[str, Any]) -> None:
    expected = {"users": 20, "items": 20, "pairs_per_user": 20, "pairs": 400, "shuffle": True}
    study = study_of(task, dimension=None)
    assert study.task.items() >= {**expected, "dimension": 3}.items()
    assert not study.task.keys() & {"values", "rank"}
    assert study_of({**task, "label_std": 2.0}, dimension=None).task["scale"] == pytest.approx(
        (4 / 3) ** 0.25
    )


def test_ranks_values_and_epochs_of_modes_may_be_in_the_grid() -> None:
    grid = {"rank": [1, 2], "values": [4, 5], "epochs": [3]}
    fixed = {"batch_size": 7, "layer_sizes": ["2d", "d"]}
    spec = load_spec({"name": "a", "grid": grid, "fixed": fixed, "task": {"data": "modes"}})
    assert load_spec(spec.to_mapping()) == spec
    found = [
        (each.task["dimension"], each.task["pairs"], each.fixed["steps"], each.fixed["layer_sizes"])
        for each in studies(spec)
    ]
    assert found == [
        (rank, values**2, -(-3 * values**2 // 7), f"{2 * rank}-{rank}")
        for rank in (1, 2)
        for values in (4, 5)
    ]
    assert studies(spec)[0].name == "rank=1,values=4,epochs=3"


@given(label_std=st.floats(1e-3, 1e3), dimension=st.integers(1, 500))
def test_a_label_s_standard_deviation_settles_the_scale(label_std: float, dimension: int) -> None:
    task = study_of({"label_std": label_std}, dimension=dimension).task
    assert "label_std" not in task
    # A sum of products of entries of that standard deviation: variances multiply, and add up.
    assert float(task["scale"] or 0) ** 4 * dimension == pytest.approx(label_std**2)


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ({"data": "pool"}, r"task.users: missing, with data pool; write data: {pool: {users: 4000"),
        ({"data": "fixed"}, r"task.pairs: missing, with data fixed; write data: {fixed: 1024}"),
        (
            {"users": 5},
            r"task.users: no data of this search has it \(stream\); leave it out, or let",
        ),
        (
            {"data": {"pool": {"users": 20, "pairs_per_user": 5}}, "pairs": 7},
            r"task.pairs: no data of this search has it \(pool\)",
        ),
        (
            {"data": {"pool": {"users": 20, "pairs_per_user": 21}}},
            r"pairs_per_user: must not exceed the fewest items \(20\): no pair of a pool comes "
            "twice; got 21; write 20, or more items",
        ),
        (
            {"data": {"pool": {"users": 3, "pairs_per_user": 3}}},
            "pairs_per_user: must give at least 10 pairs, of which one is a test pair; 9 here; "
            "got 3; write 4, or more users",
        ),
        (
            {"data": {"pool": 5}},
            "task.data: must be one of stream, fixed, pool, planted, modes, table; got",
        ),
        (
            {"data": {"pool": {"users": 5, "width": 5}}},
            "task.data: must be one of stream, fixed, po",
        ),
        (
            {"label_std": 1.0, "target": "cosine"},
            "label_std: needs the target dot: no scale changes the labels of cosine; give scale",
        ),
        (
            {"label_std": 1.0, "scale": 1.0},
            "task.scale: must not be given beside task.label_std, from which it follows; leave",
        ),
        (
            {"data": {"modes": {"values": 20, "rank": 2}}},
            "fixed.dimension: must not be given beside task.rank, from which it follows; leave out",
        ),
        (
            {"data": {"modes": {"values": 20}}},
            r"task.rank: missing, with data modes; write data: {modes: {values: 100, rank: 2}}",
        ),
        (
            {"data": {"modes": {"rank": 2}}},
            r"task.values: missing, with data modes; write data: {modes: {values: 100, rank: 2}}",
        ),
        (
            {"data": {"modes": {"values": 1, "rank": 2}}},
            "task.values: must be a whole number of at least 2; got 1",
        ),
        (
            {"data": {"modes": {"values": 20, "rank": 2}}, "users": 20},
            "task.users: must not be given beside task.values, from which it follows",
        ),
        (
            {"rank": 2},
            r"task.rank: no data of this search has it \(stream\); leave it out, or let data",
        ),
        (
            {"data": {"modes": 20}},
            "task.data: must be one of stream, fixed, pool, planted, modes, table; got",
        ),
        (
            {"label_std": 1e30},
            r"task.label_std: must be between \S+ and \S+ with dimension 3: float32",
        ),
    ],
)
def test_what_is_refused(task: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        load_spec(spec_of(task))


def test_what_a_label_s_standard_deviation_may_be_is_what_the_scale_may_be() -> None:
    """The bound that a message says would do does, at every dimension of the grid."""
    spec = spec_of({"label_std": 1e30}) | {"grid": {"dimension": [1, 64]}}
    del spec["fixed"]["dimension"]
    for label_std in (1e30, 1e-30):
        spec["task"] = {"label_std": label_std}
        with pytest.raises(SpecError, match=r"task\.label_std") as refused:
            load_spec(spec)
        spec["task"] = {"label_std": float(str(refused.value).rsplit("write ", 1)[1])}
        load_spec(spec)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"grid": {"data": ["modes", "planted"]}}, "data: modes can't stand beside other data: a"),
        ({"grid": {"data": ["modes", "stream"]}}, "modes can't stand beside other data"),
        ({"fixed": {"batch_size": 26}}, r"batch_size: must not exceed .* \(25\); got 26; write 25"),
        ({"fixed": {"parameters": 900}}, "parameters: settles no width with data modes, where"),
        ({"resources": {"gpus": 1}}, "resources.gpus: must be 0 or auto with data modes"),
        ({"space": {"rank": {"low": 1, "high": 2}}}, "space.rank: can't be in space: a study has"),
        ({"grid": {"rank": [1, 2]}}, "rank: stands in grid and task, but may stand in one place"),
        ({"grid": {"rank": [1, 10**20]}}, r"grid.rank\[1\]: must be a whole number of at least 1"),
        ({"task": {"data": "modes", "values": 5}}, "task.rank: missing, with data modes"),
        ({"task": {"data": "modes", "values": 5, "rank": 0}}, "task.rank: must be a whole number"),
    ],
)
def test_what_two_modes_refuse(changes: dict[str, Any], message: str) -> None:
    usual = {"name": "a", "task": {"data": "modes", "values": 5, "rank": 2}}
    if "data" in changes.get("grid", {}):
        usual["task"] = {"values": 5, "rank": 2}
    load_spec({"name": "a", "task": {"data": "modes", "values": 5, "rank": 2}} | SMALL_BATCH)
    with pytest.raises(SpecError, match=message):
        load_spec({**usual, **SMALL_BATCH, **changes})


SMALL_BATCH = {"fixed": {"batch_size": 5}}


def test_a_seed_stands_in_the_grid_or_at_the_top() -> None:
    spec = spec_of({}) | {"grid": {"seed": [3, 1]}}
    loaded = load_spec(spec)
    assert load_spec(loaded.to_mapping()) == loaded
    assert [(study.name, study.seed) for study in studies(loaded)] == [("seed=3", 3), ("seed=1", 1)]
    with pytest.raises(SpecError, match="seed: stands in grid and at the top of the spec, but may"):
        load_spec(spec | {"seed": 0})
    assert load_spec(spec | {"seed": 0}, ["seed=null"]) == loaded
    given = load_spec(spec_of({}) | {"seed": 7}, ["seed=null", "grid.seed=[3, 1]"])
    assert [study.seed for study in studies(given)] == [3, 1]
    with pytest.raises(SpecError, match=r"space.seed: can't be in space: it is no choice"):
        load_spec(spec_of({}) | {"space": {"seed": {"choices": [1, 2]}}})


@pytest.mark.parametrize("key", ["epochs", "early_stopping"])
def test_what_needs_pairs_that_come_again_has_them_in_a_pool(key: str) -> None:
    pool = {"data": {"pool": {"users": 20, "pairs_per_user": 5}}}
    more: dict[str, Any] = {"early_stopping": {"patience": 2}} if key == "early_stopping" else {}
    spec = spec_of(pool) | more
    if key == "epochs":
        del spec["fixed"]["steps"]
        spec["fixed"]["epochs"] = 3
        (study,) = studies(load_spec(spec))
        assert study.fixed["steps"] == -(-3 * 90 // 4)
    load_spec(spec)
    with pytest.raises(
        SpecError, match=f"{key}: needs data that comes again, and the pairs of str"
    ):
        load_spec(spec | {"task": {}})


OF_TABLE: dict[str, Any] = {"data": {"table": "ratings.csv"}}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fixed": {"dimension": 2}}, r"fixed.dimension: no data of this search has it \(table\)"),
        (
            {"task": {**OF_TABLE, "scale": 2.0}},
            r"task.scale: no data of this search has it \(table",
        ),
        ({"task": {**OF_TABLE, "target": "dot"}}, "task.target: no data of this search has it"),
        ({"task": {**OF_TABLE, "pairs_per_user": 5}}, "task.pairs_per_user: no data of this sear"),
        (
            {"task": {"data": "table"}},
            r"task.table: missing, with data table; write data: {table: ",
        ),
        ({"task": {"data": {"table": ""}}}, 'task.table: must be a text that is not empty; got ""'),
        (
            {"task": {"data": {"table": 5}}},
            "task.table: must be a text .*; got 5; write it in quotes",
        ),
        (
            {"task": {"data": {"table": "a.csv", "rank": 2}}},
            "task.data: must be one of stream, fix",
        ),
        ({"grid": {"table": ["a.csv", "b.csv"]}}, "grid.table: can't be in grid: a search has one"),
        ({"grid": {"split_seed": [1, 2]}}, "grid.split_seed: can't be in grid: a search has one"),
        (
            {"grid": {"ranking": [False, True]}},
            "grid.ranking: can't be in grid: it changes nothing that is trained; put it in task",
        ),
        ({"task": {**OF_TABLE, "ranking": 1}}, "task.ranking: must be true or false; got 1"),
        ({"grid": {"users": [1, 2]}}, "grid.users: can't be in grid: a table has the ones that it"),
        (
            {"grid": {"data": ["table", "planted"]}},
            "data: table can't stand beside other data: the",
        ),
        ({"grid": {"data": ["table", "stream"]}}, "data: table can't stand beside other data"),
        (
            {"task": {"data": {"table": "a.csv", "timestamp": "when", "split_seed": 3}}},
            "task.split_seed: must not be given beside task.timestamp, from which it follows",
        ),
        ({"fixed": {"parameters": 900}}, "parameters: settles no width with data table, where"),
        ({"resources": {"gpus": 1}}, "resources.gpus: must be 0 or auto with data table"),
        (
            {"fixed": {"layer_sizes": ["4d"]}},
            "layer_sizes: must be whole numbers of units; 4d is none, as there is no dimension",
        ),
        (
            {"fixed": {"initialisation": "constructed"}},
            "needs a network by hand, and none is known for data table, multiplication false, act",
        ),
    ],
)
def test_what_a_table_refuses(changes: dict[str, Any], message: str) -> None:
    of_grid = {"task": {"table": "ratings.csv"}} if "data" in changes.get("grid", {}) else {}
    with pytest.raises(SpecError, match=message):
        load_spec({"name": "a", "task": OF_TABLE} | of_grid | changes)


def test_a_table_has_nothing_that_vectors_have() -> None:
    spec = load_spec({"name": "a", "task": {"data": {"table": "a.csv", "timestamp": "when"}}})
    task = spec.task
    assert (task.user, task.item, task.rating) == ("user", "item", "rating")
    assert (task.timestamp, task.split_seed, task.shuffle) == ("when", None, True)
    assert task.ranking is False
    assert (task.target, task.inputs, task.scale, task.label_noise_std) == (None,) * 4
    assert "dimension" not in spec.fixed
    assert load_spec(spec.to_mapping()) == spec
    unread = (spec, load_spec(spec, ["task.fingerprint=abc"]))
    for each in unread:
        with pytest.raises(SpecError, match=r"task.table: must be read before there are studies"):
            studies(each)


PLANTED: dict[str, Any] = {"data": {"planted": {"users": 20, "items": 10, "pairs_per_user": 3}}}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"task": {"data": {"planted": {"users": 1, "items": 11, "pairs_per_user": 10}}}},
            "pairs_per_user: must leave several pairs that nobody rated, which are judged; it lea",
        ),
        ({"task": PLANTED | {"label_std": 1e155}}, "task.label_std: must be between "),
        (
            {"fixed": {"beta_1": 0.8}, "task": {}},
            r"fixed.beta_1: no data of this search has it \(stream\); leave it out, or let data be "
            "planted or modes or table",
        ),
        (
            {"space": {"epsilon": {"low": 1e-8, "high": 0.1}}, "task": {"data": {"fixed": 64}}},
            r"space.epsilon: no data of this search has it \(fixed\); leave it out, or let data be",
        ),
        (
            {"grid": {"beta_2": [0.9]}, "fixed": {"optimizer": "adagrad"}},
            r"grid.beta_2: no optimizer of this search uses it \(adagrad\); leave it out, or let "
            "optimizer be adam or adamw",
        ),
        (
            {"fixed": {"beta_1": 1.0}},
            "fixed.beta_1: must be a finite number of at least 0 and below 1; got 1",
        ),
        (
            {"space": {"beta_2": {"low": 0.9, "high": 1.0}}},
            "space.beta_2.high: must be a finite number of at least 0 and below 1; got 1",
        ),
        ({"fixed": {"beta_1": -0.1}}, "fixed.beta_1: must be .* at least 0 and below 1; got -0.1"),
        ({"fixed": {"epsilon": 0}}, "fixed.epsilon: must be a finite number above 0; got 0"),
        (
            {"grid": {"epsilon": [1e-8, 1e-50]}},
            r"epsilon.*: must be between 1.18e-38 and 3.4e\+38 for Adam to divide by: float32 "
            "can't hold more; got 1e-50; write 1.18e-38",
        ),
    ],
)
def test_betas_and_epsilon_that_are_none(changes: dict[str, Any], message: str) -> None:
    given = {"name": "betas", "task": PLANTED, **changes}
    given["fixed"] = {"dimension": 2, "batch_size": 8, **changes.get("fixed", {})}
    with pytest.raises(SpecError, match=message):
        load_spec(given)


@pytest.mark.parametrize("value", [0, 0.0, 0.5, 0.9999999])
def test_betas_may_be_anything_in_their_range(value: float) -> None:
    fixed = {"dimension": 2, "batch_size": 8, "beta_1": value, "beta_2": value, "epsilon": 1e-30}
    spec = load_spec({"name": "betas", "task": PLANTED, "fixed": fixed})
    assert spec.fixed["beta_1"] == spec.fixed["beta_2"] == value
    assert load_spec(spec.to_mapping()) == spec


@pytest.mark.parametrize("data", ["stream", {"fixed": 64}, {"planted": {"users": 9}}])
def test_items_of_a_table_alone_are_ranked(data: Any) -> None:
    source = data if isinstance(data, str) else next(iter(data))
    rule = (
        rf"task.ranking: no data of this search has it \({source}\); leave it out, or let data be"
    )
    with pytest.raises(SpecError, match=f"{rule} table"):
        load_spec({"name": "a", "fixed": {"dimension": 2}, "task": {"data": data, "ranking": True}})
    of_table = {"data": {"table": "a.csv", "ranking": True}}
    assert load_spec({"name": "a", "task": of_table}).task.ranking is True
    assert load_spec({"name": "a", "task": {**OF_TABLE, "ranking": True}}).task.ranking is True


def test_what_stands_beside_data_counts() -> None:
    """As `--set` puts it there."""
    written = {"name": "a", "fixed": {"dimension": 2, "batch_size": 8}}
    spec = load_spec(written | {"task": {"data": {"fixed": 64}}}, overrides=["task.pairs=16"])
    assert spec.task.pairs == 16
    of_table = load_spec({"name": "a", "task": OF_TABLE}, overrides=["task.table=b.tsv"])
    assert of_table.task.table == "b.tsv"


@pytest.mark.parametrize("name", ["target", "inputs", "scale", "label_noise_std"])
def test_null_is_the_default_where_there_are_vectors(name: str) -> None:
    """Null with a table alone, and of a scale where the labels' deviation stands for it."""
    written = {"name": "a", "fixed": {"dimension": 2}}
    assert load_spec(written | {"task": {name: None}}).task == Task()
    spec = load_spec(written | {"task": {name: None, "label_std": 1.0}})
    assert (spec.task.scale, spec.task.target, spec.task.inputs) == (None, "dot", "normal")
    assert load_spec(spec.to_mapping()) == spec
