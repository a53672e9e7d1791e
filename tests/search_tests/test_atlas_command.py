"""`dottune atlas`: the smallest network known to reach an nmse, trained and by hand."""

import csv
import io
import json
import math
import re
import shlex
from pathlib import Path
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from results import OutputFolder
from results.constructions import Configuration, constructed_layers, constructed_nmse
from results.rows import TrialRow, table_of_trials
from search.saved_search.atlas_answer import atlas_answer
from search.saved_search.known_networks import (
    Asked,
    KnownNetwork,
    best_trained,
    smallest_by_hand,
    smallest_trained,
)
from search.views.atlas_text import atlas_lines
from spaces import load_spec
from tests.results_tests.conftest import TRIAL
from tests.search_tests.command_line import dottune
from tests.search_tests.studies import tiny, written
from tests.typed_rows import changed


def asked(nmse: float, *, dimension: int = 8, multiplication: bool = False) -> Asked:
    return Asked(dimension=dimension, multiplication=multiplication, nmse=nmse)


def trial(number: int, parameters: int, nmse: float | None, **columns: object) -> TrialRow:
    return changed(TRIAL, trial=number, parameters=parameters, nmse=nmse, **columns)


def replicate(of: TrialRow, number: int, nmse: float | None, factor: int = 1) -> TrialRow:
    return changed(of, phase="confirm", replicate=number, steps_factor=factor, nmse=nmse)


def trained(rows: list[TrialRow], nmse: float) -> KnownNetwork | None:
    return smallest_trained(table_of_trials(rows), asked(nmse))


@given(
    st.lists(st.tuples(st.integers(1, 50), st.floats(1e-6, 1.0)), max_size=12),
    st.floats(1e-6, 1.0),
)
def test_no_smaller_trial_reaches_it(sizes: list[tuple[int, float]], wanted: float) -> None:
    rows = [trial(number, *each) for number, each in enumerate(sizes)]
    found = trained(rows, wanted)
    reach = [(parameters, nmse) for parameters, nmse in sizes if nmse <= wanted]
    if found is None:
        assert not reach
    else:
        assert (found.parameters, found.nmse) == min(reach)


def test_a_confirmed_trial_counts_with_the_median_of_its_replicates() -> None:
    best = trial(0, 10, 0.009)
    again = [replicate(best, number, nmse) for number, nmse in enumerate((0.010, 0.012, 0.011))]
    longer = [replicate(best, 0, 0.001, factor=4)]
    rows = [best, *again, *longer, trial(1, 20, 0.0095)]
    found = trained(rows, 0.01)
    assert found is not None
    assert (found.parameters, found.replicates) == (20, 0)
    found = trained(rows, 0.0111)
    assert found is not None
    assert (found.parameters, found.nmse, found.replicates) == (10, median([0.01, 0.012, 0.011]), 3)


def test_a_replicate_that_diverged_counts_as_infinite() -> None:
    best = trial(0, 10, 0.009)
    again = [replicate(best, number, nmse) for number, nmse in enumerate((None, None, 0.01))]
    assert trained([best, *again], 0.5) is None


@pytest.mark.parametrize(
    "columns",
    [
        {"status": "pruned"},
        {"dimension": 4},
        {"multiplication": True},
        {"target": "cosine"},
        {"inputs": "uniform"},
        {"data": "fixed"},
    ],
    ids=str,
)
def test_what_was_not_asked_for_does_not_count(columns: dict[str, object]) -> None:
    table = table_of_trials([trial(0, 10, 1e-4, **columns)])
    assert smallest_trained(table, asked(0.01)) is best_trained(table, asked(0.01)) is None


@pytest.mark.parametrize("dimension", [1, 4, 16])
@pytest.mark.parametrize("nmse", [0.5, 0.01, 1e-4])
def test_by_hand_no_smaller_network_of_equal_layers_reaches_it(dimension: int, nmse: float) -> None:
    found = smallest_by_hand(asked(nmse, dimension=dimension))
    assert found is not None
    assert found.nmse <= nmse
    for depth in range(1, 5):
        for width in range(1, 257):
            layers = [(2 * dimension, width), *[(width, width)] * (depth - 1), (width, 1)]
            parameters = sum((below + 1) * above for below, above in layers)
            if parameters >= found.parameters:
                break
            configuration = Configuration(
                target="dot",
                inputs="normal",
                dimension=dimension,
                multiplication=False,
                layer_sizes=(width,) * depth,
                activation="relu",
            )
            assert constructed_layers(configuration) is not None
            assert (constructed_nmse(configuration) or 0.0) > nmse


def test_with_the_product_the_sum_is_all_there_is_to_do() -> None:
    found = smallest_by_hand(asked(1e-9, multiplication=True))
    assert found == KnownNetwork(how="by hand", layer_sizes="linear", parameters=25, nmse=0.0)


def test_by_hand_not_every_loss_is_reached() -> None:
    assert smallest_by_hand(asked(1e-14, dimension=32)) is None


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A search of tiny networks, really trained."""
    spec = tiny(
        grid={"dimension": [1, 2], "multiplication": [False, True]},
        fixed={"steps": 4, "batch_size": 8},
    )
    return str(written(tmp_path_factory.mktemp("searched") / "with space", spec))


def test_what_it_says_is_what_the_tables_hold(searched: str) -> None:
    said = dottune("atlas", "--dimension", "2", "--nmse", "100", "--from", searched)
    assert said.exit_code == 0
    paragraphs = re.split(r"(?m)^(?=d = )", said.stdout)[1:]
    assert [each.splitlines()[0] for each in paragraphs] == [
        f"d = 2, {given} the product as an input, nmse at most 100:"
        for given in ("without", "with")
    ]
    rows = OutputFolder(searched).read_trials().to_pylist()
    for paragraph, multiplication in zip(paragraphs, (False, True), strict=True):
        of_task = [
            row
            for row in rows
            if (row["dimension"], row["multiplication"]) == (2, multiplication)
            and row["status"] == "completed"
        ]
        smallest = min(row["parameters"] for row in of_task)
        command = shlex.split(re.search("dottune (reproduce .*)", paragraph)[1])  # type: ignore[index]
        options = dict(zip(command[2::2], command[3::2], strict=True))
        assert command[:2] == ["reproduce", searched]
        (row,) = (
            row
            for row in of_task
            if (row["study"], str(row["trial"])) == (options["--study"], options["--trial"])
            and row["phase"] == "search"
        )
        assert row["parameters"] == smallest
        assert f"{smallest} parameters" in paragraph
        assert f"learning rate {row['learning_rate']:.2g}, 4 steps of 8 pairs" in paragraph
        again = dottune(*command, "--to", f"{searched}/again.pt")
        assert again.exit_code == 0, again.output


def test_what_none_reaches_is_said_with_the_lowest(searched: str) -> None:
    said = dottune("atlas", "--dimension", "1", "--nmse", "1e-20", "--from", searched).stdout
    assert "none of its networks reaches that; the lowest is " in said
    assert "no network of up to 4 layers of up to 256 units is known to reach that" in said


def test_where_nothing_was_trained_it_says_how_to_search(searched: str) -> None:
    said = dottune("atlas", "--dimension", "12", "--nmse", "0.01", "--from", searched).stdout
    assert "nothing was trained here (dimensions: 1, 2); search it:" in said
    command = re.search("dottune run (.*)", said)[1]  # type: ignore[index]
    preset, option, override = shlex.split(command)
    assert option == "--set"
    assert load_spec(preset, overrides=[override]).grid["dimension"] == [12]
    assert "by hand  1 x 90" in said
    assert "by hand  linear, 37 parameters: exact, without training" in said


def test_the_dimensions_are_those_of_the_input_that_was_asked_for(tmp_path: Path) -> None:
    spec = tiny(fixed={"steps": 4, "batch_size": 8, "multiplication": True})
    uri = str(written(tmp_path / "out", spec))
    said = dottune("atlas", "--dimension", "2", "--nmse", "1e-3", "--from", uri).stdout
    without, with_it = re.split(r"(?m)^(?=d = )", said)[1:]
    assert "nothing was trained here (dimensions: none)" in without
    assert "nothing was trained" not in with_it


def test_a_network_whose_replicates_diverged_is_said_to_have(tmp_path: Path) -> None:
    uri = str(written(tmp_path / "out", tiny(fixed={"steps": 4, "batch_size": 8})))
    folder = OutputFolder(uri)
    best = changed(trial(0, 10, 0.9), study="dimension=2", dimension=2)
    answer = atlas_answer(
        folder.uri, table_of_trials([best, replicate(best, 0, None)]), 2, nmse=0.01
    )
    (said, *_) = (line for line in atlas_lines(answer) if "the lowest is" in line)
    assert said.endswith("10 parameters: diverged (median of 1 replicate)")


@pytest.mark.parametrize("form", ["--json", "--csv"])
def test_for_other_programs(searched: str, form: str) -> None:
    said = dottune("atlas", "--dimension", "2", "--nmse", "100", "--from", searched, form)
    assert said.exit_code == 0
    if form == "--json":
        rows = json.loads(said.stdout)
    else:
        rows = [*csv.DictReader(io.StringIO(said.stdout))]
    assert [row["how"] for row in rows] == ["trained", "by hand"] * 2
    for row in rows:
        assert math.isfinite(float(row["nmse"]))
        assert bool(row["study"]) == (row["how"] == "trained")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--dimension", "0", "--nmse", "0.1"), "--dimension must be at least 1; got 0"),
        (("--dimension", "2", "--nmse", "0"), "--nmse must be a finite number above 0; got 0.0"),
        (("--dimension", "2", "--nmse", "nan"), "--nmse must be a finite number above 0; got nan"),
        (("--dimension", "2", "--nmse", "0.1", "--json", "--csv"), "can't be had at once"),
        (("--dimension", "2", "--nmse", "0.1", "--from", "nowhere"), "nowhere"),
    ],
)
def test_what_can_t_be_asked(arguments: tuple[str, ...], message: str) -> None:
    said = dottune("atlas", *arguments)
    assert said.exit_code == 2
    assert message in said.stderr
    assert not Path("nowhere").exists()


PAGE = Path(__file__).parents[2] / "docs" / "atlas" / "README.md"


def test_the_atlas_that_comes_along_says_what_its_page_says() -> None:
    """Asked as on the page, whose commands name the folder from the project's root."""
    (asked_for,) = re.findall(r"```bash\ndottune (atlas .*)\n```", PAGE.read_text())
    (printed,) = re.findall(r"```text\n(.*?)```", PAGE.read_text(), re.DOTALL)
    said = dottune(*shlex.split(asked_for))
    assert said.exit_code == 0, said.output
    assert said.stdout.replace(str(PAGE.parent), "docs/atlas").startswith(printed)


def test_the_atlas_covers_what_its_page_says() -> None:
    trials = OutputFolder(str(PAGE.parent)).read_trials().to_pandas()
    searched = trials[trials["phase"] == "search"]
    text = " ".join(PAGE.read_text().split())
    assert f"{len(searched):,} trials of 8,000 steps and {len(trials) - len(searched)}" in text
    assert sorted(searched["dimension"].unique()) == [1, 2, 4, 8, 16, 32]
    without = searched[~searched["multiplication"] & (searched["status"] == "completed")]
    best = without.loc[without.groupby("dimension")["nmse"].idxmin()]
    assert set(best["initialisation"]) == {"folded", "constructed"}


def test_a_row_of_the_atlas_is_trained_again(tmp_path: Path) -> None:
    trials = OutputFolder(str(PAGE.parent)).read_trials().to_pandas()
    linear = trials[
        (trials["layer_sizes"] == "linear")
        & (trials["initialisation"] == "torch")
        & (trials["status"] == "completed")
        & (trials["phase"] == "search")
        & trials["multiplication"]
    ].iloc[0]
    again = dottune(
        *("reproduce", str(PAGE.parent), "--study", linear["study"]),
        *("--trial", str(linear["trial"]), "--to", str(tmp_path / "again.pt")),
    )
    assert again.exit_code == 0, again.output
