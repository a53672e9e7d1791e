"""Whatever happens to a search, its tables end as those of an undisturbed one."""

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest

from results import OutputFolder
from tests.faults import FAULTS, Damage, Fault, damage, failing_store, finished
from tests.object_store import object_store

pytestmark = pytest.mark.chaos

CASES = [
    *[("the driver killed", seed) for seed in range(5)],
    ("a worker killed", 0),
    ("an idle worker killed", 0),
    ("SIGINT", 0),
    ("SIGTERM", 1),
    ("two signals", 0),
    ("a full disk", 0),
    *[("parts cut off", seed) for seed in range(4)],
    *[("packs delivered twice", seed) for seed in range(4)],
    ("a store that fails", 0),
]

Record = Callable[[str, Any], None]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> OutputFolder:
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    finished(str(out))
    return OutputFolder(out)


@pytest.fixture
def fault(request: pytest.FixtureRequest) -> Iterator[Fault]:
    name: str = request.param
    if name == "a full disk" and os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    if name != "a store that fails":
        yield FAULTS[name]
        return
    with object_store() as store:
        yield partial(failing_store, store)


@pytest.mark.usefixtures("two_cpus")
@pytest.mark.parametrize(("fault", "seed"), CASES, indirect=["fault"])
def test_the_tables_are_those_of_an_undisturbed_search(
    fault: Fault, seed: int, undisturbed: OutputFolder, tmp_path: Path, record_property: Record
) -> None:
    out = tmp_path / "out"
    fault(str(out), tmp_path, Random(seed))
    found = damage(undisturbed, OutputFolder(out))
    record_property("rows lost", found.lost)
    record_property("rows doubled", found.doubled)
    assert found == Damage(lost=0, doubled=0, changed=0)
    assert not [*out.rglob("_*")]
