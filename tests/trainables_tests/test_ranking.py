"""How models rank items for users: against NumPy, one user after the other."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy
import pandas
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trainables_tests.packs import make_member
from tests.trainables_tests.rating_tables import made_up_ratings, written
from tests.trainables_tests.test_rated_table import RANGES, members, pack_on, parts_of
from trainables import Halving, train
from trainables.alone import train_alone
from trainables.pack_rows import pack_result
from trainables.ranking import Ranking, rankings
from trainables.ratings import RankedUsers, RatingTable, SplitRatings, split_ratings
from trainables.ratings.ranked_users import MOST_USERS
from trainables.sources.batches import EVALUATION_CHUNK

CPU = torch.device("cpu")
SHAPES = {"many users": (90, 120), "many test items each": (12, 400), "many items": (6, 1_100)}


def ranked_by_hand(predictions: Any, rated: set[int], tested: set[int]) -> tuple[float, float]:
    """Recall and NDCG of the first ten, of one user's predictions for items 0, 1, ..."""
    candidates = [item for item in range(len(predictions)) if item not in rated]
    first = sorted(candidates, key=lambda item: (-predictions[item], item))[:10]
    places = [place for place, item in enumerate(first) if item in tested]
    best = range(min(10, len(tested)))
    gains = [sum(1 / math.log2(2 + place) for place in of) for of in (places, best)]
    return len(places) / len(best), gains[0] / gains[1]


def judged_by_hand(
    network: torch.nn.Module, parts: list[pandas.DataFrame]
) -> tuple[float, float, int]:
    """The means over users of a model's recall and NDCG, and how many users there are."""
    training, valid, test = parts
    users, items = (pandas.Index(training[name].unique()) for name in ("user", "item"))
    rows = 2 + len(users) + numpy.arange(len(items))
    found = []
    for user in users:
        rated = {*training["item"][training["user"] == user], *valid["item"][valid["user"] == user]}
        tested = {*test["item"][test["user"] == user]} & {*items}
        if not tested:
            continue
        own = torch.full((len(items),), 1 + int(users.get_loc(user)))
        with torch.no_grad():
            predictions = network(own, torch.from_numpy(rows)).numpy()
        places = [{items.get_loc(item) for item in of & {*items}} for of in (rated, tested)]
        found.append(ranked_by_hand(predictions, *places))
    recall, ndcg = numpy.mean(found, axis=0)
    return float(recall), float(ndcg), len(found)


@pytest.mark.parametrize("ranges", [("none",), RANGES], ids=" ".join)
@pytest.mark.parametrize("by_time", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_every_model_ranks_as_plain_torch_does(
    shape: str, by_time: bool, ranges: Sequence[str], tmp_path: Path
) -> None:
    users, items = SHAPES[shape]
    frame = made_up_ratings(2_345, users=users, items=items)
    table = written(frame, tmp_path / "ratings.csv")
    changes: dict[str, Any] = {"timestamp": "timestamp"} if by_time else {}
    pack = pack_on(table, members(ranges), ranking=True, **changes)
    *_, report = train(pack, device=CPU, dtype=torch.float64)
    parts = parts_of(frame, by_time=by_time)
    found = []
    for evaluation in report.evaluations:
        *_, alone = train_alone(pack, evaluation.member, device=CPU, dtype=torch.float64)
        recall, ndcg, count = judged_by_hand(alone.network, parts)
        assert count > users / 2
        assert evaluation.loss is not None
        ranking = evaluation.loss.ranking
        assert ranking is not None
        assert ranking.recall == pytest.approx(recall, rel=1e-12)
        assert ranking.ndcg == pytest.approx(ndcg, rel=1e-12)
        found.append(ranking.ndcg)
    assert 0 < max(found) < 1


def test_bits_are_those_of_a_model_alone_whatever_its_seeds_and_threads(tmp_path: Path) -> None:
    table = written(made_up_ratings(2_345, users=90, items=120), tmp_path / "ratings.csv")
    kinds = [
        make_member(**{**each.hyperparameters}, data_seed=7 + each.trial) for each in members()
    ]
    *_, report = train(pack_on(table, kinds, ranking=True), device=CPU, threads=2)
    for evaluation in report.evaluations:
        *_, alone = train(pack_on(table, [evaluation.member], ranking=True), device=CPU)
        assert alone.evaluations[0].loss == evaluation.loss


def test_rows_are_the_same_but_for_the_ranking_of_who_completes(tmp_path: Path) -> None:
    table = written(made_up_ratings(2_345, users=90, items=120), tmp_path / "ratings.csv")
    wild = make_member(9, model="dot", factors=3, learning_rate=1e30, optimizer="sgd")
    halving = Halving(grace_period=20, reduction_factor=2, min_survivors=1)
    found = []
    for ranking in (False, True):
        pack = pack_on(table, [*members(), wild], halving=halving, ranking=ranking)
        rows = pack_result(pack, train(pack, device=CPU), device="cpu", worker="here").trials
        assert {row.status for row in rows} == {"completed", "pruned", "diverged"}
        for row in rows:
            ranked = ranking and row.status == "completed"
            assert (row.recall_at_10 is not None) is (row.ndcg_at_10 is not None) is ranked
        found.append([(row.status, row.loss, row.rmse) for row in rows])
    assert found[0] == found[1]


@st.composite
def split_tables(draw: st.DrawFn) -> SplitRatings:
    """Few or many ratings of pairs, some of whose users and items occur in the test alone."""
    users, items = draw(st.integers(2, 12)), draw(st.integers(10, 40))
    count = draw(st.integers(20, users * items))
    generator = numpy.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    pairs = generator.choice(users * items, count, replace=False)
    table = RatingTable(
        users=(pairs // items).astype(numpy.int32),
        items=(pairs % items).astype(numpy.int32),
        ratings=numpy.arange(count, dtype=numpy.float64),
        timestamps=None,
        fingerprint="",
    )
    return split_ratings(table, split_seed=0, chunk=EVALUATION_CHUNK)


def ranked_with(split: SplitRatings, scores: numpy.ndarray) -> list[Ranking | None]:
    """Of models that predict these scores (K, U + 1, I + 1), by the rows of users and items."""
    table = torch.from_numpy(scores)
    return rankings(
        lambda users, items: table[:, users.long()][:, :, items],
        RankedUsers(split, split_seed=0),
        models=len(scores),
    )


def pairs_of(split: SplitRatings, *, test: bool) -> list[set[int]]:
    """The items from 0 of each user from row 1 on, as far as they are known from training."""
    first = split.sizes.training + split.sizes.valid
    part = slice(first, None) if test else slice(None, first)
    pairs = [*zip(split.users[part].tolist(), split.items[part].tolist(), strict=True)]
    return [
        {item - 1 for user, item in pairs if user == row and item > 0}
        for row in range(1, split.user_count + 1)
    ]


@given(split=split_tables(), seed=st.integers(0, 2**32 - 1), levels=st.integers(1, 50))
def test_equal_predictions_are_ranked_by_the_row(
    split: SplitRatings, seed: int, levels: int
) -> None:
    generator = numpy.random.default_rng(seed)
    shape = 3, split.user_count + 1, split.item_count + 1
    scores = generator.integers(0, levels, shape).astype(numpy.float32)
    rated, tested = pairs_of(split, test=False), pairs_of(split, test=True)
    for of_model, found in zip(scores, ranked_with(split, scores), strict=True):
        by_hand = [
            ranked_by_hand(of_model[1 + user, 1:], rated[user], tested[user])
            for user in range(split.user_count)
            if tested[user]
        ]
        if not by_hand:
            assert found is None
            continue
        assert found is not None
        assert (found.recall, found.ndcg) == pytest.approx(numpy.mean(by_hand, axis=0), rel=1e-12)


@given(split=split_tables(), seed=st.integers(0, 2**32 - 1))
def test_what_ranks_the_test_items_first_is_perfect_and_users_come_in_any_order(
    split: SplitRatings, seed: int
) -> None:
    generator = numpy.random.default_rng(seed)
    scores = generator.normal(size=(2, split.user_count + 1, split.item_count + 1))
    tested = pairs_of(split, test=True)
    for user, items in enumerate(tested):
        scores[0, 1 + user, [1 + item for item in items]] += 100
    perfect, other = ranked_with(split, scores)
    if not any(tested):
        assert (perfect, other) == (None, None)
        return
    assert perfect is not None
    assert other is not None
    assert (perfect.recall, perfect.ndcg) == pytest.approx((1, 1), rel=1e-12)
    assert 0 <= other.ndcg <= 1 + 1e-12
    order = numpy.concatenate([[0], 1 + generator.permutation(split.user_count)])
    moved = SplitRatings(**{**vars(split), "users": numpy.argsort(order)[split.users]})
    _, again = ranked_with(moved, scores[:, order])
    assert again is not None
    assert (again.recall, again.ndcg) == pytest.approx((other.recall, other.ndcg), rel=1e-12)


@settings(max_examples=20)
@given(split=split_tables(), value=st.sampled_from([math.nan, math.inf, -math.inf]))
def test_a_prediction_that_is_not_finite_ranks_nothing(split: SplitRatings, value: float) -> None:
    """But that of an item which the user has rated is not asked for."""
    scores = numpy.zeros((3, split.user_count + 1, split.item_count + 1))
    rated, tested = pairs_of(split, test=False), pairs_of(split, test=True)
    user = next((user for user, items in enumerate(tested) if items), None)
    if user is None:
        return
    scores[1, 1 + user, 1 + next(iter(tested[user]))] = value
    scores[2, 1 + user, [1 + item for item in rated[user]]] = value
    plain, broken, unasked = ranked_with(split, scores)
    assert broken is None
    assert plain is not None
    assert plain == unasked


def test_of_many_users_the_split_s_seed_takes_a_thousand() -> None:
    frame = made_up_ratings(30_000, users=1_500, items=200)
    table = RatingTable(
        users=pandas.factorize(frame["user"])[0].astype(numpy.int32),
        items=pandas.factorize(frame["item"])[0].astype(numpy.int32),
        ratings=frame["rating"].to_numpy(),
        timestamps=None,
        fingerprint="",
    )
    split = split_ratings(table, split_seed=3, chunk=EVALUATION_CHUNK)
    everyone = {1 + user for user, items in enumerate(pairs_of(split, test=True)) if items}
    assert len(everyone) > MOST_USERS
    taken = [RankedUsers(split, split_seed=seed).users.tolist() for seed in (3, 3, 4)]
    assert all(len({*each} & everyone) == len(each) == MOST_USERS for each in taken)
    assert taken[0] == taken[1] != taken[2]
    assert RankedUsers(split, split_seed=None).users.tolist() not in taken
