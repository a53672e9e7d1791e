"""What a real TensorBoard server shows of rows."""

import math
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from moto.server import ThreadedMotoServer
from tensorboard.compat.proto.event_pb2 import Event

from results.loss_figure import LossFigure
from results.rows import CurveRow, TrialRow, table_of_trials
from results.tensorboard import event_files
from results.tensorboard.event_files import open_event_files
from results.tensorboard.log_folders import STUDIES
from results.tensorboard.log_folders import TRIALS as LOG_FOLDER
from results.tensorboard.study_runs import BEST_SO_FAR, CONCLUSION, WINNER, StudyRuns
from results.tensorboard.trial_runs import (
    CURVE_SCALARS,
    HPARAMS,
    METRICS,
    ColumnDomain,
    Interval,
    Listed,
    TrialRuns,
)
from tests.tensorboard_server import TensorBoard, eventually, shown_hparams, tensorboard

MakeTrial = Callable[..., TrialRow]
MakeCurve = Callable[..., CurveRow]

TRIALS = 120


def rows(trial_row: MakeTrial) -> list[TrialRow]:
    """Trials that differ, each seventh of them diverged."""
    return [
        trial_row(
            trial=number,
            depth=number % 4,
            width=4 + number,
            learning_rate=1e-4 * (number + 1),
            multiplication=number % 2 == 0,
            activation=("relu", "gelu", "silu")[number % 3],
            status="diverged" if number % 7 == 0 else "completed",
            loss=None if number % 7 == 0 else 0.5 / (number + 1),
            nmse=None if number % 7 == 0 else 0.25 / (number + 1),
        )
        for number in range(TRIALS)
    ]


def write(uri: str, trials: list[TrialRow], curves: list[CurveRow]) -> None:
    domains: dict[str, ColumnDomain] = {
        "depth": Interval(0, 3),
        "learning_rate": Interval(1e-4, 1e-1),
        "data": Listed(["stream"]),
    }
    runs = TrialRuns(open_event_files(uri, LOG_FOLDER), domains)
    for row in trials:
        runs.write_trial(f"d=8/trial-{row.trial:04d}", row)
    for _ in range(2):  # a pack that is tried again sends its rows again
        runs.write_curve("d=8/trial-0001", curves)
    runs.close()


@pytest.fixture(scope="module")
def curves(curve_row: MakeCurve) -> list[CurveRow]:
    return [
        curve_row(trial=1, step=step, loss_at_step=2.0 / step, nmse_at_step=1.0 / step)
        for step in (500, 1000, 2000)
    ] + [curve_row(trial=1, step=4000, loss_at_step=None, nmse_at_step=None)]


@pytest.fixture(scope="module")
def board(
    trial_row: MakeTrial, curves: list[CurveRow], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TensorBoard]:
    """A server on the rows above, once it has loaded all of them."""
    out = tmp_path_factory.mktemp("board")
    write(str(out), rows(trial_row), curves)
    with tensorboard(out / LOG_FOLDER) as server:
        eventually(lambda: len(server.get("/data/runs")) == TRIALS + 1)
        eventually(lambda: len(server.sessions(set())) == TRIALS)
        yield server


def test_every_trial_is_in_hparams_with_every_column(
    board: TensorBoard, trial_row: MakeTrial
) -> None:
    assert board.columns() == set(HPARAMS)
    sessions = board.sessions(set(HPARAMS))
    for row in rows(trial_row):
        session = sessions[f"d=8/trial-{row.trial:04d}"]
        assert session["hparams"] == shown_hparams(row)
        metrics = {value["name"]["tag"]: value["value"] for value in session["metricValues"]}
        expected = {
            f"final/{name}": row.column(name) for name in METRICS if row.column(name) is not None
        }
        assert metrics == pytest.approx(expected, rel=1e-6)
        status = session["sessions"][0]["status"]
        assert status == f"STATUS_{'FAILURE' if row.status == 'diverged' else 'SUCCESS'}"


def test_columns_that_differ_come_first(board: TensorBoard) -> None:
    infos = board.hparams("experiment")["hparamInfos"]
    assert [info["name"] for info in infos if info["differs"]] == ["depth", "learning_rate"]
    assert infos[0]["domainInterval"] == {"minValue": 0.0, "maxValue": 3.0}


def test_a_curve_has_each_step_once(board: TensorBoard, curves: list[CurveRow]) -> None:
    for tag, column in CURVE_SCALARS.items():
        values = {row.step: getattr(row, column) for row in curves}
        expected = {step: value for step, value in values.items() if value is not None}
        points = board.get(f"/data/plugin/scalars/scalars?tag={tag}&run=d=8/trial-0001")
        assert [point[1] for point in points] == list(expected)
        assert [point[2] for point in points] == pytest.approx(list(expected.values()), rel=1e-6)


def test_a_study_is_a_run_with_its_best_its_winner_and_a_figure(
    trial_row: MakeTrial, curves: list[CurveRow], tmp_path: Path
) -> None:
    runs = StudyRuns(open_event_files(str(tmp_path), STUDIES))
    for ended, nmse in ((1, None), (2, 0.5), (5, 1e-3), (6, 1e-20), (7, 0.0)):
        runs.write_best("d=8", ended, trial_row(nmse=nmse), 1.7e9 + ended)
    runs.write_winner("d=8", curves)
    figure = figure_of(rows(trial_row))
    assert figure is not None
    runs.write_figure("d=8", "figure", *figure)
    for studies in (1, 2):
        runs.write_conclusion(f"| {studies} |\n| --- |\n| *x* |", studies)
    runs.close()
    with tensorboard(tmp_path / STUDIES) as board:
        eventually(lambda: set(board.get("/data/runs")) == {".", "d=8"})
        eventually(lambda: len(board.scalars("d=8", WINNER)) == 3)
        best = {2: math.log10(0.5), 5: -3.0, 6: -12.0, 7: -12.0}
        assert board.scalars("d=8", BEST_SO_FAR) == pytest.approx(best)
        assert board.scalars("d=8", WINNER) == pytest.approx(
            {step: -math.log10(step) for step in (500, 1000, 2000)}
        )
        (image,) = board.get("/data/plugin/images/images?tag=figure&run=d=8&sample=0")
        with urllib.request.urlopen(
            f"{board.url}/data/plugin/images/individualImage?{image['query']}"
        ) as answer:
            assert answer.read().startswith(b"\x89PNG")
        texts = board.get(f"/data/plugin/text/text?run=.&tag={CONCLUSION}")
        assert [text["step"] for text in texts] == [1, 2]
        assert "<td><em>x</em></td>" in texts[-1]["text"]
        (category,) = board.get("/data/plugin/custom_scalars/layout")["category"]
        charts = [chart["multiline"]["tag"] for chart in category["chart"]]
        for (pattern,), tag in zip(charts, (BEST_SO_FAR, WINNER), strict=True):
            query = urllib.parse.urlencode({"run": "d=8", "tag": pattern})
            found = board.get(f"/data/plugin/custom_scalars/scalars?{query}")
            assert found["regex_valid"]
            assert list(found["tag_to_events"]) == [tag]


def test_clear_deletes_what_earlier_writers_left(
    trial_row: MakeTrial, curves: list[CurveRow], tmp_path: Path
) -> None:
    write(str(tmp_path), rows(trial_row)[:5], curves)
    files = open_event_files(str(tmp_path), LOG_FOLDER)
    theirs = [
        *("mine/f", "d=8/f", "events.out.tfevents.1700000000.host.1.0", "elsewhere/events.dottune"),
    ]
    for name in theirs:
        path = tmp_path / LOG_FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("1")
    linked = tmp_path / "linked" / files.file_name
    linked.parent.mkdir()
    linked.write_text("of another folder")
    (tmp_path / LOG_FOLDER / "link").symlink_to(linked.parent)
    files.clear()
    left = {path for path in (tmp_path / LOG_FOLDER).rglob("*") if path.is_file()}
    assert left == {tmp_path / LOG_FOLDER / name for name in theirs}
    assert not (tmp_path / LOG_FOLDER / "d=8" / "trial-0000").exists()
    assert linked.exists()
    files.clear()  # also where there is nothing


def figure_of(rows: list[TrialRow]) -> tuple[bytes, tuple[int, int]] | None:
    figure = LossFigure()
    figure.take(table_of_trials(rows))
    return figure.draw("d=8")


def test_a_figure_needs_a_trial_with_a_loss(trial_row: MakeTrial) -> None:
    assert figure_of([trial_row(status="diverged", nmse=None)]) is None
    assert figure_of([trial_row(phase="confirm")]) is None
    assert figure_of([trial_row(status="pruned")]) is not None
    linear = figure_of([trial_row(depth=0)])
    assert linear is not None
    assert linear[0].startswith(b"\x89PNG")


@pytest.mark.parametrize("depths", [[0, 1000], [7], [0, 1, 4], list(range(0, 900, 3))])
def test_a_figure_stays_small_whatever_the_depths(trial_row: MakeTrial, depths: list[int]) -> None:
    figure = figure_of([trial_row(depth=depth, trial=trial) for trial, depth in enumerate(depths)])
    assert figure is not None
    assert max(figure[1]) < 2000


class AwayStorage:
    """An object store that refuses every file until it comes back."""

    def __init__(self) -> None:
        self.away, self.tried = True, 0
        self.stored: set[str] = set()

    def write(self, name: str, content: bytes) -> None:
        self.tried += 1
        if self.away:
            raise OSError("AWS Error NETWORK_CONNECTION during PutObject operation: refused")
        self.stored.add(name)


def test_a_store_that_is_away_is_asked_once_a_round_and_told_of_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(event_files, "UPLOAD_SECONDS", 0.02)
    monkeypatch.setattr(event_files, "_REQUESTS_AT_ONCE", 4)
    storage: Any = AwayStorage()
    files = event_files.StoredEventFiles(storage, "tensorboard")
    for number in range(200):
        files.append(f"trial-{number}", [Event(wall_time=1.0, step=1)])
    eventually(lambda: storage.tried >= 12)
    assert storage.tried < 200  # not every file in every round
    assert len(caplog.records) == 1
    storage.away = False
    eventually(lambda: len(storage.stored) == 200)
    storage.away = True
    files.append("trial-0", [Event(wall_time=2.0, step=2)])
    files.append("trial-1", [Event(wall_time=2.0, step=2)])
    eventually(lambda: len(caplog.records) == 2)
    files.close()
    assert len(caplog.records) == 2


def test_tensorboard_reads_an_object_store(
    trial_row: MakeTrial, curves: list[CurveRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    store.start()
    host, port = store.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required")
    try:
        import boto3

        boto3.client("s3").create_bucket(Bucket="bucket")
        store_client = boto3.client("s3")
        theirs = f"runs/quick/{LOG_FOLDER}/mine/f"
        store_client.put_object(Bucket="bucket", Key=theirs, Body=b"1")
        for trials in (8, 3):  # the second time in place of the first
            open_event_files("s3://bucket/runs/quick", LOG_FOLDER).clear()
            write("s3://bucket/runs/quick", rows(trial_row)[:trials], curves)
        kept = store_client.get_object(Bucket="bucket", Key=theirs)
        assert kept["Body"].read() == b"1"
        kept["Body"].close()
        store_client.close()
        with tensorboard(f"s3://bucket/runs/quick/{LOG_FOLDER}") as server:
            eventually(lambda: len(server.sessions(set())) == 3)
            eventually(lambda: len(server.scalars("d=8/trial-0001", "nmse")) == 3)
            assert server.columns() >= set(shown_hparams(rows(trial_row)[0]))
    finally:
        store.stop()
