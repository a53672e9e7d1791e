"""A pack that no node has the memory for is refused before anything starts."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from cluster.errors import RequestError
from cluster.resources import Cluster, Node, worker_request
from results import OutputFolder
from search.commands.cli import application
from search.memory_need import PackNeed, check_memory, pack_needs
from search.table_facts import with_table_facts
from spaces import Spec, load_spec, preset_names
from spaces.vocabulary import FIELDS
from tests.search_tests.studies import TINY, tiny
from tests.trainables_tests.rating_tables import made_up_ratings, written
from trainables.processor.pack_memory import pack_bytes

GIGABYTE = 10**9
LARGEST_INTEGER = 2**63 - 1
NAMES = ("dimension", "depth", "width", "batch_size", "members")


def one_node(memory_bytes: float | None, **given: Any) -> Cluster:
    return Cluster(nodes=(Node(cpus=2, gpus=0, labels={}, memory_bytes=memory_bytes, **given),))


def check(spec: Spec, cluster: Cluster) -> None:
    check_memory(spec, worker_request(spec.resources, cluster), cluster)


def largest_need(spec: Spec) -> PackNeed:
    return max(pack_needs(spec, threads=1), key=lambda need: need.bytes)


def with_fixed(**values: Any) -> Spec:
    spec = {"name": "large", "fixed": {"dimension": 2, **values}, "budget": {"trials": 8}}
    return load_spec(spec)


@pytest.mark.parametrize("name", preset_names())
def test_presets_fit_a_small_node(name: str, tmp_path: Path) -> None:
    spec = load_spec(name)
    if spec.has_table:
        table = written(made_up_ratings(100_000, users=943, items=1_682), tmp_path / "a.parquet")
        spec = with_table_facts(load_spec(name, overrides=[f"task.table={table}"]))
    # The four largest pools of all, at dimension 128, hold 51.2 million pairs.
    check(spec, one_node((3 if name == "rendle2020" else 2) * GIGABYTE))


def test_a_table_takes_memory_for_its_ratings_and_its_embeddings(tmp_path: Path) -> None:
    table = written(made_up_ratings(1_000), tmp_path / "ratings.csv")
    spec = {"name": "rated", "fixed": {"model": "dot"}, "task": {"data": {"table": table}}}
    small = with_table_facts(load_spec(spec))
    sizes = {"users": 10_000_000, "pairs": 100_000_000}
    for name, size in sizes.items():
        large = small.model_copy(update={"task": small.task.model_copy(update={name: size})})
        with pytest.raises(RequestError, match=r"needs [0-9]+ [A-Z]B, .* has 2\.0 GB"):
            check(large, one_node(2 * GIGABYTE))


@pytest.mark.parametrize(
    "values", [{"batch_size": 65_536, "dimension": 64}, {"width": 4096}, {"depth": 1000}]
)
def test_what_fits_a_node_of_16_gigabytes_is_taken(values: dict[str, int]) -> None:
    check(with_fixed(**values), one_node(16 * GIGABYTE))


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("grid", "dimension", [2, 99999999999]),
        ("fixed", "dimension", 10**14),
        ("fixed", "width", 10**8),
        ("space", "width", {"low": 2, "high": 10**8, "log": True}),
        ("space", "width", {"choices": [4, LARGEST_INTEGER]}),
        ("space", "depth", {"low": 0, "high": 10**12}),
        ("fixed", "batch_size", 10**12),
        ("grid", "batch_size", [8, LARGEST_INTEGER]),
        ("budget", "pack_size", 10**12),
        ("confirm", "replicates", 10**12),
        ("task", "pairs", 10**12),
        ("task", "users", 10**10),
        ("task", "items", 10**12),
    ],
)
def test_the_value_that_is_too_large_is_named_with_what_would_do(
    section: str, key: str, value: Any
) -> None:
    changed: dict[str, dict[str, Any]] = {name: dict(part) for name, part in SMALL.items()}
    for part in changed.values():
        part.pop(key, None)
    changed[section][key] = value
    if key == "pack_size":
        changed["budget"]["trials"] = value
    if section == "task":
        changed["task"]["data"] = FIELDS[key].of_data[0]
        rest = {"users": 20_000, "pairs_per_user": 5} if "users" in key or key == "items" else {}
        changed["task"] = rest | changed["task"]
    with pytest.raises(RequestError, match=r"needs [0-9.e+]+ [A-Z]B, .* has 8\.0 GB") as refused:
        check(load_spec({"name": "large", **changed}), one_node(8 * GIGABYTE))
    key_in_spec = f"{section}.{key}"
    found = re.search(rf"lower (?:.* or )?{key_in_spec} to at most (\d+)", str(refused.value))
    assert found, str(refused.value)
    fitting = int(found[1])
    if isinstance(value, dict):
        changed[section][key] = (
            value | {"high": fitting} if "high" in value else {"choices": [4, fitting]}
        )
    else:
        changed[section][key] = [fitting] if section == "grid" else fitting
    check(load_spec({"name": "large", **changed}), one_node(8 * GIGABYTE))


def test_values_of_two_modes_that_are_too_many_are_named_as_the_spec_has_them() -> None:
    modes = {"values": 100_000, "rank": 2}
    of_modes = {"task": {"data": {"modes": modes}}, "name": "large"}
    message = r"values 100000.*; with everything .* lower (?:.* or )?task.values to at most (\d+)"
    with pytest.raises(RequestError, match=message) as refused:
        check(load_spec(of_modes), one_node(8 * GIGABYTE))
    fitting = re.search(message, str(refused.value))
    assert fitting
    modes["values"] = int(fitting[1])
    check(load_spec(of_modes), one_node(8 * GIGABYTE))
    modes |= {"values": 100, "rank": 10**10}
    with pytest.raises(RequestError, match=r"rank 10000000000.* lower (?:.* or )?task.rank to at"):
        check(load_spec(of_modes), one_node(8 * GIGABYTE))


SMALL: Mapping[str, Mapping[str, Any]] = {
    "grid": {"dimension": [2, 4]},
    "space": {"width": {"low": 2, "high": 8}},
    "fixed": {"batch_size": 128},
    "task": {},
    "budget": {"trials": 8, "pack_size": 4},
    "confirm": {"replicates": 2},
}


def test_several_values_that_are_too_large_are_all_named() -> None:
    with pytest.raises(
        RequestError, match=r"lower fixed\.dimension and fixed\.batch_size and .*: no one of"
    ):
        check(with_fixed(dimension=10**14, batch_size=10**14), one_node(8 * GIGABYTE))


@given(
    values=st.fixed_dictionaries(
        {
            "dimension": st.integers(1, 10**14),
            "width": st.integers(1, LARGEST_INTEGER),
            "batch_size": st.integers(1, LARGEST_INTEGER),
        }
    ),
    name=st.sampled_from(NAMES),
    limit=st.integers(10**6, 10**22),
)
def test_what_would_fit_is_the_largest_that_fits(
    values: dict[str, int], name: str, limit: int
) -> None:
    need = largest_need(with_fixed(**values))
    extent = need.extents[name]
    value = need.fitting(name, limit)
    if value is None:
        assert extent.largest == extent.minimum or need.lowered(name, extent.minimum).bytes > limit
        return
    assert need.lowered(name, value).bytes <= limit
    assert value + 1 == extent.largest or need.lowered(name, value + 1).bytes > limit


def test_a_search_pack_has_one_member_of_the_largest_values() -> None:
    """Of a wide space hardly two trials are at the upper end: that must not refuse it."""
    spec = tiny(
        grid={"dimension": [3]},
        space={
            "depth": {"low": 1, "high": 3},
            "width": {"low": 2, "high": 4096, "log": True},
            "activation": {"choices": ["relu", "gelu"]},
        },
        confirm=None,
    )
    (need,) = pack_needs(spec, threads=1)
    largest, smallest = (
        need.largest.__class__(
            multiplication=True, depth=depth, width=width, activation=activation, optimizer="adam"
        )
        for depth, width, activation in ((3, 4096, "gelu"), (1, 2, "relu"))
    )
    expected = pack_bytes(
        [(1, largest), (2, smallest)],
        dimension=3,
        batch_size=TINY["fixed"]["batch_size"],
        streams=1,
        label_noise=False,
        threads=1,
    )
    assert need.bytes == expected


def test_betas_of_a_range_are_a_schedule_for_each_member() -> None:
    embedded = {"data": {"planted": {"users": 20, "items": 10, "pairs_per_user": 3}}}

    def need(beta_1: Any, **more: Any) -> PackNeed:
        spec = tiny(
            grid={"dimension": [3]},
            space={"beta_1": beta_1} if isinstance(beta_1, dict) else {},
            fixed={"steps": 1_000_000, "batch_size": 8, **more}
            | ({} if isinstance(beta_1, dict) else {"beta_1": beta_1}),
            task=embedded,
            confirm=None,
        )
        (found,) = pack_needs(spec, threads=1)
        return found

    alike, several, own = (
        need(beta_1) for beta_1 in (0.9, {"choices": [0.9, 0.8]}, {"low": 0.5, "high": 0.9})
    )
    schedule = 1_000_000 * 16
    members = alike.extents["members"].largest
    assert members > 2
    assert several.bytes - alike.bytes == pytest.approx(schedule, rel=0.01)
    assert own.bytes - alike.bytes == pytest.approx((members - 1) * schedule, rel=0.01)
    with pytest.raises(RequestError, match=r"lower budget\.pack_size to at most"):
        check(
            tiny(
                grid={"dimension": [3]},
                space={"beta_1": {"low": 0.5, "high": 0.9}},
                fixed={"steps": 20_000_000, "batch_size": 8},
                task=embedded,
                budget={"trials": 16, "pack_size": 16},
            ),
            one_node(2 * GIGABYTE),
        )


@pytest.mark.parametrize(
    "cluster",
    [
        one_node(None),
        Cluster(
            nodes=(Node(cpus=2, gpus=0, labels={"ray.io/node-group": "x"}, memory_bytes=GIGABYTE),)
        ),
        Cluster(nodes=(Node(cpus=2, gpus=1, labels={}, memory_bytes=GIGABYTE),)),
    ],
)
def test_nothing_is_refused_where_the_memory_is_not_known(cluster: Cluster) -> None:
    check(with_fixed(width=10**8), cluster)


def test_the_memory_is_that_of_a_node_that_can_hold_a_worker() -> None:
    nodes = tuple(
        Node(cpus=cpus, gpus=0, labels={}, memory_bytes=memory * GIGABYTE)
        for cpus, memory in ((1, 999), (4, 2), (8, 3))
    )
    spec = load_spec(with_fixed(width=8192).to_mapping(), overrides=["resources.cpus=2"])
    with pytest.raises(RequestError, match=r"the largest node for a worker has 3\.0 GB"):
        check(spec, Cluster(nodes=nodes))


@pytest.mark.usefixtures("two_cpus")
@pytest.mark.parametrize(
    ("override", "named"),
    [
        ("grid.dimension=[99999999999]", "(dimension 99999999999, depth 1, width 4"),
        ("space.width={low: 2, high: 100000000}", "space.width to at most"),
        ("fixed.batch_size=1000000000000", "lower fixed.batch_size to at most"),
    ],
)
def test_run_refuses_and_leaves_no_search(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, override: str, named: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("tiny.yaml").write_text(yaml.safe_dump(tiny().to_mapping()))
    done = CliRunner().invoke(application, ["run", "tiny.yaml", "--out", "out", "--set", override])
    assert done.exit_code == 2, done.output
    assert done.stdout == ""
    (error,) = re.findall(r"^error: .*\n", done.stderr, re.MULTILINE)
    assert re.search(
        r"memory: a pack must fit .* needs [0-9.]+ [GTPE]B, and .* has [0-9.]+ GB", error
    )
    assert named in error
    assert "resume" not in done.stderr
    assert sorted(Path().rglob("*")) == [Path("tiny.yaml")]


@pytest.mark.usefixtures("two_cpus")
def test_resume_refuses_and_leaves_the_folder_as_it_is(tmp_path: Path) -> None:
    spec = tiny(grid={"dimension": [10**11]})
    OutputFolder(tmp_path).write_text("spec.yaml", spec.to_yaml())
    done = CliRunner().invoke(application, ["resume", str(tmp_path)])
    assert done.exit_code == 2, done.output
    assert "lower grid.dimension to at most" in done.stderr
    assert [path.name for path in tmp_path.rglob("*")] == ["spec.yaml"]
    assert (tmp_path / "spec.yaml").read_text() == spec.to_yaml()


def test_layers_that_are_too_wide_are_refused() -> None:
    spec = {"name": "large", "fixed": {"dimension": 2, "layer_sizes": [10, 10**7, "500d"]}}
    with pytest.raises(RequestError, match=r"needs [0-9.e+]+ [A-Z]B, .* has 8\.0 GB"):
        check(load_spec(spec), one_node(8 * GIGABYTE))
    narrow = load_spec(spec, overrides=["fixed.layer_sizes=[1024, 512, 4]"])
    check(narrow, one_node(GIGABYTE))
