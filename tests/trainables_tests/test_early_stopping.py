"""Early stopping: which members end, when, and how they are judged."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.trainables_tests.packs import make_member, make_pack
from trainables import EarlyStopping, Halving, Member, Pack, train
from trainables.alone import evaluate_alone, train_alone
from trainables.early_stops import EarlyStops

CPU = torch.device("cpu")
losses = st.floats(0, 2) | st.sampled_from([math.inf, math.nan])


def lightning(history: list[float], patience: int, min_delta: float) -> int | None:
    """The epoch, from 1, after which Lightning stops; None where it doesn't.

    The rule of `lightning.pytorch.callbacks.EarlyStopping`, mode min, with check_finite:
    `monitor_op(current + min_delta, best)` resets the count of epochs waited.
    """
    best, waited = math.inf, 0
    for epoch, current in enumerate(history, 1):
        if not math.isfinite(current):
            return epoch
        if current + min_delta < best:
            best, waited = current, 0
        else:
            waited += 1
            if waited >= patience:
                return epoch
    return None


@given(
    histories=st.lists(st.lists(losses, min_size=9, max_size=9), min_size=1, max_size=4),
    patience=st.integers(1, 4),
    min_delta=st.sampled_from([0.0, 0.1]),
)
def test_members_end_where_lightning_stops(
    histories: list[list[float]], patience: int, min_delta: float
) -> None:
    stops = EarlyStops(EarlyStopping(patience=patience, min_delta=min_delta))
    ended: dict[int, int] = {}
    for epoch, of_all in enumerate(zip(*histories, strict=True), 1):
        alive = {key: loss for key, loss in enumerate(of_all) if key not in ended}
        ended |= dict.fromkeys(stops.ending(alive), epoch)
    assert [ended.get(key) for key in range(len(histories))] == [
        lightning(history, patience, min_delta) for history in histories
    ]


@pytest.mark.parametrize("batch_size", [48, 16, 20])
@pytest.mark.parametrize("shared", [True, False])
def test_a_member_ends_and_is_judged_as_it_would_be_alone(batch_size: int, shared: bool) -> None:
    members = [
        make_member(
            trial,
            learning_rate=10.0 ** (trial % 4 - 3),
            depth=trial % 3,
            schedule="constant",
            data_seed=7 if shared else 7 + trial,
        )
        for trial in range(8)
    ]
    early = EarlyStopping(patience=2, min_delta=1e-3)
    pairs, epochs = 48, 30
    pack = make_pack(
        members,
        steps=-(-epochs * pairs // batch_size),
        batch_size=batch_size,
        early_stopping=early,
        data="fixed",
        pairs=pairs,
        shuffle=True,
    )
    reports = list(train(pack, device=CPU, dtype=torch.float64))
    ended = {
        evaluation.member: (report.step, evaluation)
        for report in reports
        for evaluation in report.evaluations
        if evaluation.status != "running"
    }
    assert ended.keys() == set(members)
    steps_of_epochs = [-(-epoch * pairs // batch_size) for epoch in range(1, epochs + 1)]
    for member in members:
        squares = [
            float(point.train_loss)
            for point in train_alone(pack, member, device=CPU, dtype=torch.float64)
        ]
        begins = [0, *steps_of_epochs[:-1]]
        means = [
            sum(squares[first:last]) / (last - first)
            for first, last in zip(begins, steps_of_epochs, strict=True)
        ]
        epoch = lightning(means, early.patience, early.min_delta) or epochs
        step, evaluation = ended[member]
        assert step == steps_of_epochs[epoch - 1]
        assert evaluation.status == "completed"
        assert evaluation.loss is not None
        nmse = nmse_after(step, pack, member)
        assert evaluation.loss.normalised == pytest.approx(nmse, rel=1e-9)
        assert evaluation.train_loss == pytest.approx(means[epoch - 1], rel=1e-9)
    assert len({step for step, _ in ended.values()}) > 2  # or nothing was tried


def nmse_after(step: int, pack: Pack, member: Member) -> float:
    """The nmse of the weights on all pairs, trained alone so far."""
    points = train_alone(pack, member, device=CPU, dtype=torch.float64)
    point = next(point for point in points if point.step == step)
    return evaluate_alone(point.network, pack, member, rung=False, device=CPU)


def test_rungs_and_early_stops_go_together() -> None:
    members = [make_member(trial, learning_rate=0.5 / (trial + 1)) for trial in range(8)]
    pack = make_pack(
        members,
        steps=40,
        halving=Halving(grace_period=10, reduction_factor=2, min_survivors=1),
        early_stopping=EarlyStopping(patience=3, min_delta=0.0),
        data="fixed",
        pairs=32,
        shuffle=True,
    )
    reports = list(train(pack, device=CPU))
    statuses = [each.status for report in reports for each in report.evaluations]
    assert len(statuses) - statuses.count("running") == len(members)
    assert {"completed", "pruned"} <= set(statuses)
    alive = len(members)
    for report in reports:
        assert report.alive == alive
        alive -= sum(each.status != "running" for each in report.evaluations)
    assert alive == 0


def test_a_train_loss_of_a_sample_is_that_of_its_last_epoch() -> None:
    member = make_member(0)
    pack = make_pack([member], steps=24, batch_size=8, data="fixed", pairs=32, shuffle=True)
    *_, last = train(pack, device=CPU, dtype=torch.float64)
    (evaluation,) = last.evaluations
    alone = [
        float(point.train_loss)
        for point in train_alone(pack, member, device=CPU, dtype=torch.float64)
    ]
    assert evaluation.train_loss == pytest.approx(sum(alone[-4:]) / 4, rel=1e-9)
