"""Every kind of domain, in `space` and in `grid`, and every sampler, through every view.

A further kind joins by one line in `KINDS`: it is tried alone, in a search of this process, and
together with others in few searches on a real Ray, which a real TensorBoard then shows.
"""

import io
import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from optuna_dashboard import wsgi
from rich.console import Console
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata
from typer.testing import CliRunner, Result
from werkzeug.test import Client

from results import TRIALS, OutputFolder, summarise
from results.rows import TrialRow, trials_of
from results.tensorboard import log_folders
from results.tensorboard.trial_runs import HPARAMS
from search import load_study, run_search
from search.commands.cli import application
from search.planning.search_plan import SearchPlan
from search.saved_search.loaded_study import load_storage
from search.saved_search.provenance import provenance, to_json
from search.table_facts import with_table_facts
from search.tune.searcher import pack_config
from search.views.progress import ProgressView
from search.views.studies_board import StudiesBoard
from search.views.trials_board import TrialsBoard, run_name
from spaces import load_spec, studies
from spaces.constructed_start import STARTS
from spaces.samplers import SAMPLER_NAMES
from spaces.vocabulary import EMB_SZ_RULE, EMBEDDED_DATA, FIELDS, unused_hyperparameters
from tests.search_tests.studies import trained
from tests.tensorboard_server import eventually, shown_hparams, tensorboard


class Kind(NamedTuple):
    """A hyperparameter's domain, and what TensorBoard is to be told of its column."""

    section: str
    name: str
    domain: Any
    announced: tuple[float, float] | list[Any]

    def __str__(self) -> str:
        return f"{self.section}.{self.name}={self.domain}"


def interval(name: str, low: float, high: float, **more: Any) -> Kind:
    return Kind("space", name, {"low": low, "high": high, **more}, (low, high))


def choices(name: str, *values: Any) -> Kind:
    return Kind("space", name, {"choices": [*values]}, sorted(values))


def grid(name: str, *values: Any) -> Kind:
    return Kind("grid", name, [*values], sorted(values))


KINDS = [
    interval("depth", 0, 2),
    interval("width", 2, 8, log=True),
    interval("width", 2, 8, step=3),
    interval("depth", 1, 1),
    interval("learning_rate", 0.001, 0.1),
    interval("learning_rate", 0.01, 0.01),  # both bounds belong to it
    interval("learning_rate", 0.001, 0.1, log=True),
    interval("learning_rate", 0.25, 0.75, step=0.25),
    choices("activation", "relu"),
    choices("activation", "relu", "tanh"),
    choices("activation", "tanh", "relu", "gelu"),
    choices("schedule", "linear", "constant"),
    interval("learning_rate", 0.1, 0.9, step=0.1),
    interval("momentum", 0.0, 0.9),
    interval("weight_decay", 0.001, 0.1, log=True),
    choices("optimizer", "adagrad", "sgd", "adamw", "adam"),
    grid("optimizer", "adamw", "sgd"),
    grid("weight_decay", 0.1, 0.01),
    choices("width", 4),
    choices("width", 64, 4),
    choices("width", 2, 8, 4),
    choices("learning_rate", 0.01),
    choices("learning_rate", 0.1, 0.001),
    choices("learning_rate", 0.1, 0.001, 0.01),
    choices("multiplication", True),
    choices("multiplication", False, True),
    grid("depth", 1),
    grid("width", 8, 2),
    grid("batch_size", 128, 16, 32),
    grid("learning_rate", 0.01),
    grid("scale", 2.0, 0.5),
    grid("label_noise_std", 0.0, 0.1, 1e-05),
    grid("activation", "relu"),
    grid("activation", "tanh", "relu"),
    grid("schedule", "linear", "one_cycle", "constant", "cosine"),
    grid("initialisation", "he", "glorot"),
    choices("initialisation", "glorot", "torch", "he"),
    grid("initialisation", "folded"),
    choices("initialisation", "torch", "folded", "constructed"),
    grid("target", "cosine", "dot"),
    grid("inputs", "uniform", "rademacher", "normal"),
    grid("multiplication", True),
    grid("multiplication", True, False),
    grid("steps", 8, 4),
    Kind("grid", "epochs", [3, 2], [4, 6]),  # in steps: two batches of 8 hold the 16 pairs
    grid("pairs", 16, 8),
    Kind("grid", "parameters", [61, 60], [4, 5]),  # of width, at dimension 2 and depth 2
    grid("shuffle", True, False),
    grid("seed", 3, 1),
    grid("users", 40, 20),
    grid("items", 30),
    grid("pairs_per_user", 4, 5),
    Kind("grid", "label_std", [2**0.5], [1.0]),  # the scale of it, at dimension 2
    choices("layer_sizes", "8-4", "linear"),
    grid("layer_sizes", "4-2-1", "linear", "8"),
    grid("model", "dot_bias", "mlp", "neumf", "dot"),
    grid("factors", 5, 3),
    Kind("grid", "values", [6, 5], [5, 6]),  # as many users, and items
    Kind("grid", "rank", [2, 1], [1, 2]),  # the dimension
    interval("factors", 2, 8, log=True),
    Kind("space", "factors", {"choices": [5, EMB_SZ_RULE]}, [5, 9]),  # of 20 users
    Kind("grid", "factors", [EMB_SZ_RULE, 3], [3, 9]),
    Kind("space", "y_range", {"choices": ["none", [0.5, 5.5]]}, ["0.5 to 5.5", "none"]),
    Kind("grid", "y_range", [[-1, 6], "none"], ["-1.0 to 6.0", "none"]),
    interval("dropout", 0.0, 0.5),
    grid("dropout", 0.5, 0.0),
    grid("data", "table"),
    interval("beta_1", 0.0, 0.95),
    interval("epsilon", 1e-8, 0.1, log=True),
    grid("beta_2", 0.999, 0.9),
]


def spec_of(kinds: list[Kind]) -> dict[str, Any]:
    """A small search over domains of different names."""
    sections: dict[str, dict[str, Any]] = {"grid": {"dimension": [2]}, "space": {}, "fixed": {}}
    for kind in kinds:
        sections[kind.section][kind.name] = kind.domain
    if sections["grid"].keys() & {"values", "rank", "data"}:
        del sections["grid"]["dimension"]
    taken = sections["grid"].keys() | sections["space"].keys()
    if "optimizer" not in taken:  # one that reads what is asked for
        readers = [FIELDS[name].belongs_to for name in taken if FIELDS[name].belongs_to]
        sections["grid"]["optimizer"] = sorted({each for names in readers for each in names})
        if not readers:
            del sections["grid"]["optimizer"]
    task = {}
    if "data" in taken:
        task = {name: value for name, value in DATA["table"].items() if name not in taken}
    elif taken & {"epochs", "model", *(name for name, field in FIELDS.items() if field.of_data)}:
        task = dict(next(data for source, data in DATA.items() if source in sources_of(taken)))
        task = {name: value for name, value in task.items() if name not in taken}
    following = {other for name in taken for other in FIELDS[name].instead_of}
    sections["fixed"] = {
        name: value for name, value in FIXED.items() if name not in taken | following
    }
    return {
        "name": "kinds",
        **sections,
        "task": task,
        "budget": {"trials": 3, "pack_size": 2},
        "confirm": {"replicates": 2},
    }


FIXED = {"steps": 4, "batch_size": 8}
DATA: dict[str, dict[str, Any]] = {
    "fixed": {"data": "fixed", "pairs": 16},
    "planted": {"data": "planted", "users": 20, "items": 10, "pairs_per_user": 3},
    "pool": {"data": "pool", "users": 20, "items": 10, "pairs_per_user": 3},
    "modes": {"data": "modes", "values": 5, "rank": 2},
    "table": {
        "data": "table",
        "table": str(Path(__file__).with_name("ratings.csv")),
        "ranking": True,
    },
}


def sources_of(names: set[str]) -> set[str]:
    """The finite sources of data that read every one of these names, as far as any reads it."""
    readers = [set(FIELDS[name].of_data) for name in names if FIELDS[name].of_data]
    readers += [{*EMBEDDED_DATA}] if "model" in names else []
    if "data" in names:  # the table, which has neither what vectors have nor a size to choose
        others = (FIELDS[name] for name in names if FIELDS[name].not_of_data)
        sizes = (FIELDS[name] for name in names if FIELDS[name].optional_with)
        readers += [set() if [*others, *sizes] else {"table"}]
    return set(DATA).intersection(*readers)


def together() -> list[list[Kind]]:
    """The kinds dealt out to searches: a name stands in each once, and the studies stay few."""
    searches: list[list[Kind]] = []
    for kind in KINDS:
        search = next((each for each in searches if has_room(each, kind)), None)
        if search is None:
            searches.append(search := [])
        search.append(kind)
    return searches


def has_room(search: list[Kind], kind: Kind) -> bool:
    grids = [each.domain for each in (*search, kind) if each.section == "grid"]
    few = math.prod(map(len, grids)) <= 6
    names = {other.name for other in search}
    if kind.name == "model" and {other.section for other in search} - {"grid"}:
        return False  # what an MLP is made of means nothing to a dot product
    apart = {*FIELDS[kind.name].instead_of}.union(*(FIELDS[name].instead_of for name in names))
    if any(not set(STARTS).isdisjoint(each.announced) for each in (*search, kind)):
        apart |= {"activation", "inputs", "target"}  # by hand not all of their values can begin
    if any(EMB_SZ_RULE in str(each.domain) for each in (*search, kind)):
        apart |= {"users", "items", "values", "rank", "data"}  # of which it makes other numbers
    taken = names | {kind.name}
    # No scale gives a cosine a standard deviation of its own; no batch is larger than a sample.
    finite = "epochs" in taken or any(FIELDS[name].of_data for name in taken)
    impossible = {"label_std", "target"} <= taken or (finite and "batch_size" in taken)
    possible = sources_of(taken) and not impossible
    return bool(few and possible and kind.name not in names and not apart & taken)


def dottune(*arguments: str) -> Result:
    done = CliRunner().invoke(application, [*arguments])
    assert done.exit_code == 0, done.output
    return done


def announced(log_folder: Path) -> dict[str, Any]:
    """The columns in the event file, as TensorBoard's own reader has them."""
    reader = EventAccumulator(str(log_folder))
    reader.Reload()
    content = reader.SummaryMetadata(metadata.EXPERIMENT_TAG).plugin_data.content
    experiment = metadata.parse_experiment_plugin_data(content)
    found: dict[str, Any] = {}
    for info in experiment.hparam_infos:
        if info.HasField("domain_interval"):
            found[info.name] = (info.domain_interval.min_value, info.domain_interval.max_value)
        else:
            found[info.name] = list(info.domain_discrete)
    return found


def expect_domain(kind: Kind, found: Any) -> None:
    """An interval as an interval, a list as a list, true as true and not as 1."""
    assert found == kind.announced
    if isinstance(kind.announced, list):
        is_bool = [isinstance(value, bool) for value in kind.announced]
        assert [isinstance(value, bool) for value in found] == is_bool


def values_of(kind: Kind) -> Any:
    """What a row may hold in the column."""
    if isinstance(kind.announced, list):
        return kind.announced.__contains__
    low, high = kind.announced
    return lambda value: low <= value <= high


def column_of(kind: Kind) -> str:
    columns = {"epochs": "schedule_steps", "parameters": "width", "label_std": "scale"}
    columns |= {"steps": "schedule_steps", "values": "users", "rank": "dimension"}
    return columns.get(kind.name, kind.name)


def named(row: TrialRow) -> tuple[str, ...]:
    return ("--study", row.study, "--trial", str(row.trial))


def unused_by(row: TrialRow) -> tuple[str, ...]:
    read = (row.column(name) for name in ("optimizer", "model", "data"))
    return unused_hyperparameters(*([name] for name in read))


def expect_commands(folder: OutputFolder, kinds: list[Kind]) -> None:
    """Every command and every reader on a finished search."""
    spec = load_spec(Path(folder.uri) / "spec.yaml")
    rows = trials_of(folder.read_trials())
    for kind in kinds:
        column = column_of(kind)
        used = [row for row in rows if column not in unused_by(row)]
        assert all(map(values_of(kind), {row.column(column) for row in used}))
        assert all(row.column(column) is None for row in rows if row not in used)
    reported = dottune("report", folder.uri).stdout
    assert reported.startswith(f"report   {folder.uri}/report.html")
    assert (Path(folder.uri) / "report.html").read_text().startswith("<!DOCTYPE html>")
    shown = dottune("show", folder.uri)
    assert "unfinished" not in shown.stdout
    summary = json.loads(dottune("show", folder.uri, "--json").stdout)
    assert [row["study"] for row in summary] == [study.name for study in studies(spec)]
    compared = json.loads(dottune("compare", folder.uri, folder.uri, "--json").stdout)
    assert [row["study"] for row in compared[1::2]] == [study.name for study in studies(spec)]
    for kind in kinds:
        groups = json.loads(dottune("show", folder.uri, "--by", kind.name, "--json").stdout)
        assert sum(group["trials"] for group in groups) == 3 * len(studies(spec))
        assert folder.uri in dottune("show", folder.uri, "--by", kind.name).stdout
    best = json.loads(dottune("show", folder.uri, "--best", "1", "--json").stdout)
    assert [row["study"] for row in best] == [study.name for study in studies(spec)]
    assert [row["trial"] for row in best] == [row["best_trial"] for row in summary]
    resumed = dottune("resume", folder.uri)
    assert shown.stdout in resumed.stdout
    row = next(row for row in rows if row.phase == "search" and row.status == "completed")
    script = dottune("reproduce", folder.uri, *named(row), "--script").stdout
    compile(script, "script", "exec")
    for study in studies(spec)[::3]:
        loaded = load_study(folder.uri, **dict[str, Any](study.grid))
        mine = [row for row in rows if row.study == study.name and row.phase == "search"]
        assert [trial.params for trial in loaded.trials] == [
            {name: row.column(name) for name in study.space if name not in unused_by(row)}
            for row in mine
        ]
    board = Client(wsgi(load_storage(folder.uri)))
    listed = board.get("/api/studies").get_json()["study_summaries"]
    assert {study["study_name"] for study in listed} == {study.name for study in studies(spec)}
    for study in listed:
        answer = board.get(f"/api/studies/{study['study_id']}?after=0")
        assert (answer.status_code, len(answer.get_json()["trials"])) == (200, 3)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_kind_alone(kind: Kind, tmp_path: Path) -> None:
    expect_every_view(spec_of([kind]), [kind], tmp_path)


SAMPLED = [
    choices("optimizer", "sgd", "adam"),
    interval("momentum", 0.0, 0.9),  # which adam doesn't read
    interval("learning_rate", 0.001, 0.1, log=True),
    choices("layer_sizes", "8-4", "linear"),
]


@pytest.mark.parametrize("sampler", SAMPLER_NAMES)
def test_a_sampler(sampler: str, tmp_path: Path) -> None:
    expect_every_view(spec_of(SAMPLED) | {"sampler": sampler}, SAMPLED, tmp_path)


def expect_every_view(written: dict[str, Any], kinds: list[Kind], tmp_path: Path) -> None:
    """A search in this process, and everything that shows it."""
    folder = OutputFolder(tmp_path)
    spec = with_table_facts(load_spec(written))
    plan = SearchPlan(spec)
    terminal = Console(file=io.StringIO(), force_terminal=True, width=80)
    with (
        ProgressView(plan, terminal) as progress,
        TrialsBoard(plan, folder) as board,
        StudiesBoard(plan, folder) as of_studies,
    ):
        progress._shown_at = 0.0
        while pack := plan.next_pack():
            result = trained(pack)
            plan.finish(pack.key, result)
            folder.write_pack(*pack.key, result)
            trial: Any = SimpleNamespace(config=pack_config(pack))
            for view in (board, of_studies):
                view.on_trial_result(0, [], trial, {"pack_result": result.to_arrow()})
                view.on_trial_complete(0, [], trial)
            progress.on_step_end(0, [])
    for kind in kinds:
        expect_domain(kind, announced(tmp_path / log_folders.TRIALS)[column_of(kind)])
    folder.write_text("spec.yaml", spec.to_yaml())
    folder.write_text("provenance.json", to_json([provenance(["dottune", "run"], spec)]))
    assert load_spec(tmp_path / "spec.yaml") == spec
    folder.write_summary(summarise(folder.read_trials(), order=[*plan.studies]))
    expect_commands(folder, kinds)


@pytest.fixture(scope="module")
def searches(
    two_cpus: None, tmp_path_factory: pytest.TempPathFactory
) -> list[tuple[list[Kind], OutputFolder]]:
    """The two searches that hold the most kinds, run on Ray with every view."""
    found = []
    for kinds in sorted(together(), key=len)[-2:]:
        out = tmp_path_factory.mktemp("kinds") / "out [v2]"
        result = run_search(spec_of(kinds), str(out), overrides=["tensorboard=all"])
        assert result.failed == {}
        found.append((kinds, OutputFolder(out)))
    return found


def test_many_kinds_at_once_through_every_command(
    searches: list[tuple[list[Kind], OutputFolder]], caplog: pytest.LogCaptureFixture
) -> None:
    assert sum(len(kinds) for kinds, _ in searches) >= 12
    for kinds, folder in searches:
        expect_commands(folder, kinds)
        row = trials_of(folder.read_trials())[0]
        trained_again = dottune("reproduce", folder.uri, *named(row), "--to", f"{folder.uri}/x.pt")
        assert "agrees within" in trained_again.stdout
    assert caplog.messages == []  # no view was left out


@pytest.mark.parametrize("index", [0, 1])
def test_many_kinds_at_once_in_tensorboard(
    searches: list[tuple[list[Kind], OutputFolder]], index: int
) -> None:
    kinds, folder = searches[index]
    rows = trials_of(folder.read_trials())
    with tensorboard(f"{folder.uri}/{log_folders.TRIALS}") as board:
        eventually(lambda: len(board.sessions(set())) == len(rows))
        infos = {info["name"]: info for info in board.hparams("experiment")["hparamInfos"]}
        sessions = board.sessions(set(HPARAMS))
    for kind in kinds:
        info = infos[column_of(kind)]
        if isinstance(kind.announced, list):
            expect_domain(kind, info["domainDiscrete"])
        else:
            found = info["domainInterval"]
            expect_domain(kind, (found["minValue"], found["maxValue"]))
    for row in rows:
        assert sessions[run_name(row)]["hparams"] == shown_hparams(row)


def test_the_kinds_hold_every_type_and_every_number_of_values() -> None:
    lists = [kind for kind in KINDS if isinstance(kind.announced, list)]
    for section in ("space", "grid"):
        for of in (int, float, str):
            lengths = {
                len(kind.announced)
                for kind in lists
                if kind.section == section and type(kind.announced[0]) is of
            }
            assert lengths >= {1, 2, 3}, (section, of)
        assert {
            len(kind.announced)
            for kind in lists
            if kind.section == section and type(kind.announced[0]) is bool
        } == {1, 2}
    elsewhere = {"steps", "epochs", "label_std", "values", "rank"}
    assert {kind.name for kind in KINDS} <= {*TRIALS.names, *elsewhere}
