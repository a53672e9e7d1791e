"""`dottune compare`: the same studies of searches, side by side."""

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st

from results import SUMMARY, OutputFolder
from results.exact_nmse import EXACT_NMSE
from search.saved_search.comparison import compare
from search.saved_search.overview import Overview
from spaces import studies
from tests.search_tests.command_line import dottune
from tests.search_tests.studies import tiny

GOLDEN = Path(__file__).parent / "golden" / "version-1"
Replicates = Sequence[float | None]
"""The nmse of each; None of those that diverged."""


def search(confirmed: Mapping[str, Replicates], uri: str = "somewhere", **spec: Any) -> Overview:
    """A search whose studies have been confirmed so; the others have not begun."""
    replicates = max([1, *map(len, confirmed.values())])
    whole = tiny(**{"confirm": {"replicates": replicates}, **spec})
    rows = [row_of(study.name, study.task, confirmed.get(study.name)) for study in studies(whole)]
    return Overview(
        uri=uri,
        spec=whole,
        summary=pyarrow.Table.from_pylist(rows, SUMMARY),
        missing={},
        out_of_time=False,
        resumable=True,
    )


def row_of(study: str, task: Mapping[str, Any], replicates: Replicates | None) -> dict[str, Any]:
    counts = dict.fromkeys(("trials", "completed", "pruned", "diverged", "samples"), 0)
    row = {"search": "tiny", "study": study, **task, "batch_size": 8, **counts}
    row |= {"train_seconds": 0.0}
    if replicates is None:
        return row
    values = [math.inf if value is None else value for value in replicates]
    found = {"nmse": median(values), "nmse_min": min(values), "nmse_max": max(values)}
    row |= {name: value if math.isfinite(value) else None for name, value in found.items()}
    best = {
        "trials": 9,
        "best_trial": 0,
        "nmse_search": 0.5,
        "steps": 4,
        "layer_sizes": "4",
        "depth": 1,
    }
    return row | best | {"diverged_replicates": values.count(math.inf)}


def write(search: Overview, out: Path) -> str:
    folder = OutputFolder(out)
    folder.write_text("spec.yaml", search.spec.to_yaml())
    folder.write_summary(search.summary)
    return folder.uri


ONE: dict[str, Any] = {"grid": {"dimension": [1]}}


@pytest.mark.parametrize(
    ("first", "other", "outcome", "ratio"),
    [
        ([0.2, 0.3, 0.4], [0.5, 0.6, 0.7], "higher", 2),
        ([0.5, 0.6, 0.7], [0.2, 0.3, 0.4], "lower", 0.5),
        ([0.2, 0.3, 0.4], [0.3, 0.6, 0.7], "overlap", 2),
        ([0.2, 0.3, 0.4], [0.4, 0.6, 0.7], "overlap", 2),  # they touch
        ([0.2, 0.3, 0.4], [0.1, 0.3, 0.9], "overlap", 1),
        ([1e-20, 1e-13, 0.0], [1e-25, 1e-12, 1e-13], "both exact", None),
        ([1e-20, 1e-13, 0.0], [0.2, 0.3, 0.4], "higher", None),
        ([0.2], [0.4], "one replicate", 2),
        ([0.2, 0.3, 0.4], None, "not confirmed", None),
        (None, [0.2, 0.3, 0.4], "not confirmed", None),
        ([0.2, 0.3, 0.4], [0.3, None, 0.9], "overlap", 3),
        ([0.2, 0.3, 0.4], [0.6, None, 0.9], "higher", 3),
        ([0.2, 0.3, 0.4], [None, None, 0.9], "higher", None),
        ([0.2, 0.3, 0.4], [None, None, None], "higher", None),
        ([None, None, None], [0.2, 0.3, 0.4], "lower", None),
        ([None, None, None], [None, None, None], "overlap", None),
        ([1e-15, 2e-15, 3e-15], [5e-13, 2e-12, 3e-9], "overlap", None),
    ],
)
def test_what_is_more_than_noise(
    first: Replicates | None, other: Replicates | None, outcome: str, ratio: float | None
) -> None:
    named = [{} if each is None else {"dimension=1": each} for each in (first, other)]
    (study,) = compare(*(search(each, **ONE) for each in named)).studies
    assert study.outcome == outcome
    assert study.ratio == (None if ratio is None else pytest.approx(ratio))


@given(
    first=st.lists(st.floats(1e-9, 10), min_size=2, max_size=5),
    other=st.lists(st.floats(1e-9, 10), min_size=2, max_size=5),
)
def test_apart_means_that_every_replicate_is_on_one_side(
    first: list[float], other: list[float]
) -> None:
    confirmed = [{"dimension=1": each} for each in (first, other)]
    (study,) = compare(*(search(each, **ONE) for each in confirmed)).studies
    assert (study.outcome == "lower") == all(b < a for a in first for b in other)
    assert (study.outcome == "higher") == all(b > a for a in first for b in other)
    swapped = compare(*(search(each, **ONE) for each in reversed(confirmed))).studies[0]
    opposite = {"lower": "higher", "higher": "lower"}.get(study.outcome, study.outcome)
    assert swapped.outcome == opposite


def test_studies_are_found_by_their_values_not_by_their_names() -> None:
    fixed = {"steps": 4, "batch_size": 8}
    whole = search(
        {"dimension=2,multiplication=true": [0.2, 0.3]},
        grid={"dimension": [1, 2], "multiplication": [False, True]},
        fixed=fixed,
    )
    turned = search(
        {"multiplication=true,dimension=2": [0.4, 0.6]},
        grid={"multiplication": [True], "dimension": [2, 4]},
        fixed=fixed,
    )
    part = search(
        {"dimension=2": [0.4, 0.6]},
        grid={"dimension": [2, 4]},
        fixed={**fixed, "multiplication": True},
    )
    for other in (turned, part):
        found = compare(whole, other)
        assert [study.study for study in found.studies] == ["dimension=2,multiplication=true"]
        assert found.studies[0].ratio == pytest.approx(2)
        assert found.differences == []
        assert len(found.only_first) == 3
        assert len(found.only_other) == 1


def test_what_differs_is_told_by_its_keys() -> None:
    first = search({}, **ONE)
    other = search({}, **ONE, seed=3, name="other", sampler="random", task={"inputs": "uniform"})
    assert compare(first, other).differences == [
        'sampler: "random", was "tpe"',
        "seed: 3, was 0",
        'task.inputs: "uniform", was "normal"',
    ]


def test_a_search_of_one_seed_against_one_over_seeds() -> None:
    one, over = search({}, **ONE), search({}, **ONE | {"grid": ONE["grid"] | {"seed": [0, 1]}})
    for first, other in ((one, over), (over, one)):
        found = compare(first, other)
        assert found.differences == []
        assert len(found.studies) == 1


def test_searches_side_by_side(tmp_path: Path) -> None:
    names = ("dimension=1", "dimension=2")
    first = search({names[0]: [0.2, 0.3, 0.4], names[1]: [1e-20, 1e-20, 1e-20]})
    second = search({names[0]: [0.5, 0.6, 0.7], names[1]: [1e-20, 1e-20, 1e-20]}, seed=1)
    third = search(
        {names[0]: [0.1, 0.3, 0.4], "dimension=4": [0.1, 0.1, 0.1]},
        grid={"dimension": [1, 4]},
    )
    uris = [
        write(each, tmp_path / f"[{name}]")
        for name, each in zip("xyz", (first, second, third), strict=True)
    ]
    shown = dottune("compare", *uris)
    assert shown.exit_code == 0, shown.output
    lines = [" ".join(line.split()) for line in shown.stdout.splitlines()]
    assert lines[:5] == [
        f"A {uris[0]}",
        *(f"B {uris[1]}", "seed: 1, was 0"),
        *(f"C {uris[2]}", "the same spec, as far as it changes rows"),
    ]
    expected = [
        "d=1 A 0.30 0.20 0.40 1 x 4",
        "B 0.60 0.50 0.70 1 x 4 2.0 x, higher",
        "C 0.30 0.10 0.40 1 x 4 1.0 x, overlap",
        "d=2 A exact exact exact 1 x 4",
        "B exact exact exact 1 x 4 both exact",
    ]
    start = lines.index(expected[0])
    assert lines[start : start + 5] == expected
    assert lines[-2:] == ["in A, not in C: d=2", "in C, not in A: d=4"]

    rows = json.loads(dottune("compare", *uris, "--json").stdout)
    assert [(row["study"], uris.index(row["search"])) for row in rows] == [
        *((names[0], place) for place in range(3)),
        *((names[1], place) for place in range(2)),
    ]
    assert [row["outcome"] for row in rows] == [None, "higher", "overlap", None, "both exact"]
    text = dottune("compare", *uris, "--csv").stdout
    assert [row["outcome"] for row in csv.DictReader(io.StringIO(text))] == [
        each["outcome"] or "" for each in rows
    ]
    assert max(row["nmse"] for row in rows[3:]) < EXACT_NMSE


def test_unfinished_searches_and_those_of_version_1_are_compared(tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    begun.mkdir()
    text = (GOLDEN / "spec.yaml").read_text()
    (begun / "spec.yaml").write_text(text.replace("[2]", "[2, 4]"))
    shown = dottune("compare", str(GOLDEN), str(begun))
    assert shown.exit_code == 0, shown.output
    assert "not confirmed" in shown.stdout
    assert f"{begun}: unfinished: 8 of 8 trials are missing" in shown.stdout
    same = json.loads(dottune("compare", str(GOLDEN), str(GOLDEN), "--json").stdout)
    assert [row["outcome"] for row in same] == [None, "overlap"]
    assert [row["ratio"] for row in same] == [None, 1.0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("first",), "compare takes two output folders or more; got first; add one"),
        (("first", "nothing"), "nothing holds no search (no spec.yaml); check the path"),
        (("first", "first", "--json", "--csv"), "--json and --csv can't be had at once"),
        (("first", "apart"), "searches to compare must have a study in common; "),
    ],
)
def test_what_cannot_be_compared_is_refused(
    arguments: tuple[str, ...],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    write(search({}, **ONE), tmp_path / "first")
    write(search({}, grid={"dimension": [2]}), tmp_path / "apart")
    done = dottune("compare", *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert message in done.stderr
