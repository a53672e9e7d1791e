"""Packs of models on a user's own ratings: the numbers of plain torch on what pandas reads."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy
import pandas
import pytest
import torch

from tests.trainables_tests.packs import make_member, make_pack
from tests.trainables_tests.rating_tables import made_up_ratings, written
from trainables import Halving, Member, Pack, Task, train
from trainables.alone import evaluate_alone, train_alone
from trainables.pack_rows import pack_result
from trainables.ratings import TableError, TableReference, read_ratings, split_ratings
from trainables.sources import source_of
from trainables.sources.batches import EVALUATION_CHUNK
from trainables.stop_rules import stop_rule_of

CPU = torch.device("cpu")
RATINGS = 2_345
MODELS: list[dict[str, Any]] = [
    {"model": "dot"},
    {"model": "dot_bias"},
    {"model": "mlp", "multiplication": True, "width": 20},
    {"model": "neumf", "width": 9},
]


RANGES = ("0.5 to 5.5", "none", "2.0 to 3.5", "-1.0 to 7.0")
"""Of one member after the other; the third is narrower than the ratings."""


def members(ranges: Sequence[str] = ("none",), **changes: Any) -> list[Member]:
    kinds = [{**model, "y_range": ranges[i % len(ranges)]} for i, model in enumerate(MODELS)]
    return [
        make_member(index, **{"factors": 5 + index, "optimizer": "adamw", **model, **changes})
        for index, model in enumerate(kinds)
    ]


def task_of(table: str, **more: Any) -> dict[str, Any]:
    """The task of a spec's `data: {table: ...}`, with what is found in it."""
    reference = TableReference(table=table, timestamp=more.get("timestamp"))
    seed = None if "timestamp" in more else 3
    read = read_ratings(reference)
    split = split_ratings(read, split_seed=seed, chunk=EVALUATION_CHUNK)
    vectors = dict.fromkeys(("target", "inputs", "scale", "label_noise_std"))
    return {
        **vectors,
        "data": "table",
        "table": table,
        "user": "user",
        "item": "item",
        "rating": "rating",
        "split_seed": seed,
        "pairs": split.sizes.training,
        "users": split.user_count,
        "items": split.item_count,
        "fingerprint": read.fingerprint,
        "shuffle": True,
        **more,
    }


@pytest.fixture(scope="module")
def frame() -> pandas.DataFrame:
    return made_up_ratings(RATINGS, users=900, items=120)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory, frame: pandas.DataFrame) -> str:
    return written(frame, tmp_path_factory.mktemp("table") / "ratings.csv")


def pack_on(table: str, kinds: list[Member] | None = None, **changes: Any) -> Pack:
    shape: dict[str, Any] = {"steps": 80, "batch_size": 60, "halving": None}
    shape |= {name: changes.pop(name) for name in [*shape] if name in changes}
    chosen = members() if kinds is None else kinds
    return make_pack(chosen, dimension=None, **shape, **task_of(table, **changes))  # type: ignore[arg-type]


def parts_of(frame: pandas.DataFrame, *, by_time: bool) -> list[pandas.DataFrame]:
    """The ratings to train on, to choose by and to test on, as the documentation has it."""
    test = len(frame) // 10
    valid = test  # 234: one chunk
    ends = [len(frame) - valid - test, len(frame) - test]
    if by_time:
        ordered = frame.sort_values("timestamp", kind="stable")
        return [ordered[: ends[0]], ordered[ends[0] : ends[1]], ordered[ends[1] :]]
    drawn = torch.randperm(len(frame), generator=torch.Generator().manual_seed(3)).numpy()
    return [frame.iloc[numpy.sort(places)] for places in numpy.split(drawn, ends)]


def rows_of(
    part: pandas.DataFrame, training: pandas.DataFrame
) -> tuple[torch.Tensor, torch.Tensor]:
    """The rows of a part's users and items: 0, of both, for what is not in training."""
    users, items = (
        1 + pandas.Index(training[name].unique()).get_indexer(pandas.Index(part[name]))
        for name in ("user", "item")
    )
    below = 1 + training["user"].nunique()
    return torch.from_numpy(users), torch.from_numpy(below + items)


def error_of(network: torch.nn.Module, part: pandas.DataFrame, training: pandas.DataFrame) -> float:
    """The mean squared error on a part of what is predicted: how far ratings are from the mean."""
    with torch.no_grad():
        predictions = network(*rows_of(part, training)).numpy()
    predictions += training["rating"].mean()
    return float(numpy.mean((predictions - part["rating"].to_numpy()) ** 2))


@pytest.mark.parametrize("ranges", [("none",), RANGES], ids=" ".join)
@pytest.mark.parametrize("by_time", [False, True])
def test_a_pack_equals_each_model_trained_alone_with_plain_torch(
    table: str, frame: pandas.DataFrame, by_time: bool, ranges: Sequence[str]
) -> None:
    kinds = members(ranges)
    pack = pack_on(table, kinds, timestamp="timestamp") if by_time else pack_on(table, kinds)
    training, valid, test = parts_of(frame, by_time=by_time)
    variance = valid["rating"].var()
    unseen = {*valid["user"], *test["user"], *valid["item"], *test["item"]}
    assert unseen - {*training["user"], *training["item"]}
    *_, report = train(pack, device=CPU, dtype=torch.float64)
    assert len(report.evaluations) == len(MODELS)
    for evaluation in report.evaluations:
        loss = evaluation.loss
        assert loss is not None
        *_, alone = train_alone(pack, evaluation.member, device=CPU, dtype=torch.float64)
        error = error_of(alone.network, valid, training)
        assert loss.mean == pytest.approx(error, rel=1e-10)
        assert loss.normalised == pytest.approx(error / variance, rel=1e-10)
        assert loss.rmse == pytest.approx(error_of(alone.network, test, training) ** 0.5, rel=1e-10)
        nmse = evaluate_alone(alone.network, pack, evaluation.member, rung=False, device=CPU)
        assert loss.normalised == pytest.approx(nmse, rel=1e-10)
        assert (loss.pearson_r, dict(loss.rmse_excess)) == (None, {})


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_a_range_is_that_of_the_ratings_themselves(
    table: str, frame: pandas.DataFrame, model: dict[str, Any]
) -> None:
    """Though what is learned is how far a rating is from the mean."""
    training, valid, _ = parts_of(frame, by_time=False)
    member = make_member(**model, factors=4, learning_rate=0.3, y_range="2.0 to 3.5")
    pack = pack_on(table, [member])
    *_, alone = train_alone(pack, member, device=CPU, dtype=torch.float64)
    with torch.no_grad():
        predictions = alone.network(*rows_of(valid, training)).numpy() + training["rating"].mean()
    assert 2.0 <= predictions.min() < 2.05
    assert 3.45 < predictions.max() <= 3.5


def test_epochs_hold_the_training_ratings(table: str, frame: pandas.DataFrame) -> None:
    """Each once, in orders of their own; as they are in the table without shuffle."""
    training, *_ = parts_of(frame, by_time=False)
    users, items = rows_of(training, training)
    mean = training["rating"].mean()
    expected = list(zip(users.tolist(), items.tolist(), training["rating"].tolist(), strict=True))
    for shuffle in (True, False):
        source = source_of(Task(dimension=2, **{**task_of(table), "shuffle": shuffle}))
        stream = source.training(batch_size=len(training), device=CPU, dtype=torch.float64)
        stream.arrange([7])
        epochs = []
        for _ in range(2):
            stream.fill(1)
            rows, labels = stream.block.inputs[0, 0], stream.block.labels[0, 0]
            ratings = [round(rating, 9) for rating in (labels + mean).tolist()]
            epochs.append([*zip(*rows.tolist(), ratings, strict=True)])
        assert sorted(epochs[0]) == sorted(epochs[1]) == sorted(expected)
        assert (epochs[0] == expected) is (epochs[0] == epochs[1]) is not shuffle


def test_rungs_judge_the_average_on_all_that_are_held_out(table: str) -> None:
    halving = Halving(grace_period=10, reduction_factor=2, min_survivors=1)
    pack = pack_on(table, halving=halving)
    marks = stop_rule_of(halving).rungs(pack.steps)
    seen = 0
    for report in train(pack, device=CPU, dtype=torch.float64):
        for each in report.evaluations:
            if report.step in marks:
                checkpoints = train_alone(pack, each.member, device=CPU, dtype=torch.float64)
                average = next(found for found in checkpoints if found.step == report.step).average
                nmse = evaluate_alone(average, pack, each.member, rung=True, device=CPU)
                assert each.loss is not None
                assert each.loss.normalised == pytest.approx(nmse, rel=1e-10)
                assert each.loss.rmse is None
                seen += 1
    assert seen >= len(MODELS)


def test_bits_are_those_of_a_model_alone_whatever_its_seeds_and_threads(table: str) -> None:
    kinds = [
        make_member(index, factors=3 + index, **model, data_seed=7 + index)
        for index, model in enumerate(MODELS)
    ]
    *_, report = train(pack_on(table, kinds), device=CPU, threads=2)
    for evaluation in report.evaluations:
        *_, alone = train(pack_on(table, [evaluation.member]), device=CPU)
        assert alone.evaluations[0].loss == evaluation.loss


def test_large_parts_are_evaluated_whole(tmp_path: Path) -> None:
    """More than a chunk to choose by, and more than a part of chunks to test on."""
    frame = made_up_ratings(90_000, users=700, items=300)
    table = written(frame, tmp_path / "ratings.parquet")
    pack = pack_on(table, members()[:1], steps=3)
    test, valid = 9_000, 9_000
    drawn = torch.randperm(len(frame), generator=torch.Generator().manual_seed(3)).numpy()
    ends = [len(frame) - valid - test, len(frame) - test]
    training, held_out, tested = (
        frame.iloc[numpy.sort(places)] for places in numpy.split(drawn, ends)
    )
    *_, alone = train_alone(pack, pack.members[0], device=CPU, dtype=torch.float64)
    *_, report = train(pack, device=CPU, dtype=torch.float64)
    loss = report.evaluations[0].loss
    assert loss is not None
    assert loss.mean == pytest.approx(error_of(alone.network, held_out, training), rel=1e-10)
    assert loss.rmse == pytest.approx(error_of(alone.network, tested, training) ** 0.5, rel=1e-10)


def test_a_table_that_has_changed_is_refused(tmp_path: Path, frame: pandas.DataFrame) -> None:
    table = written(frame, tmp_path / "ratings.csv")
    task = Task(dimension=2, **task_of(table))
    written(frame.assign(rating=frame["rating"] + 1), tmp_path / "ratings.csv")
    with pytest.raises(
        TableError, match=r"must hold what it held when the search began; .*csv has"
    ):
        source_of(task)


def test_rows_have_no_vectors_and_the_error_on_test_ratings(table: str) -> None:
    wild = make_member(9, model="dot", factors=3, learning_rate=1e30, optimizer="sgd")
    pack = pack_on(table, [*members(), wild])
    result = pack_result(pack, train(pack, device=CPU), device="cpu", worker="here")
    *rows, diverged = result.trials
    assert (diverged.status, diverged.rmse) == ("diverged", None)
    for row in rows:
        assert row.rmse is not None
        assert row.loss is not None
        assert 0.3 < row.rmse / row.loss**0.5 < 3
        for name in ("dimension", "target", "inputs", "scale", "label_noise_std"):
            assert row.column(name) is None
        assert row.constructed_nmse is None
        columns = row.column("factors") + {"dot_bias": 1, "neumf": row.column("factors")}.get(
            row.column("model"), 0
        )
        embeddings = 2 + row.column("users") + row.column("items")
        assert (row.parameters == embeddings * columns) is row.column("model").startswith("dot")
