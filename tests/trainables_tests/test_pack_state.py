"""A pack that goes on elsewhere from a state that was kept, to the bits of one never stopped."""

import io
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import torch

from spaces.vocabulary import EMBEDDED_DATA
from tests.trainables_tests.packs import make_member, make_pack
from tests.trainables_tests.test_rated_table import task_of
from trainables import EarlyStopping, Halving, Pack, training
from trainables.gpu.tensor_engine import TensorEngine
from trainables.pack_rows import PackRows
from trainables.pack_state import PackState, StateMismatch
from trainables.training import Report, train

CPU = torch.device("cpu")
MIXED = [
    make_member(trial, depth=trial % 4, width=3 + 2 * trial, optimizer=optimizer, schedule=schedule)
    for trial, (optimizer, schedule) in enumerate(
        [
            ("adam", "cosine"),
            ("adamw", "linear"),
            ("sgd", "constant"),
            ("adagrad", "cosine"),
            ("adam", "cosine"),
        ]
    )
]
OWN = [replace(member, data_seed=member.trial, evaluation_seed=5) for member in MIXED]
DIVERGING = [*MIXED, make_member(5, optimizer="sgd", learning_rate=1e30)]
HALVING = Halving(grace_period=50, reduction_factor=2, min_survivors=2)
POOL: dict[str, Any] = {
    "data": "pool",
    "users": 40,
    "items": 40,
    "pairs_per_user": 20,
    "pairs": 760,
}
PACKS: dict[str, Pack] = {
    "a stream": make_pack(MIXED, steps=230, halving=HALVING),
    "a stream with noise": make_pack(OWN, steps=230, label_noise_std=0.5),
    "own streams, halved": make_pack(OWN, steps=230, halving=HALVING, scale=2.0),
    "a member that diverges": make_pack(DIVERGING, steps=150, halving=HALVING),
    "a sample, shuffled": make_pack(
        MIXED, steps=200, halving=HALVING, data="fixed", pairs=100, shuffle=True
    ),
    "a sample in order": make_pack(OWN, steps=120, data="fixed", pairs=90, shuffle=False),
    "a pool": make_pack(MIXED, steps=200, shuffle=True, label_noise_std=0.3, **POOL),
    "embeddings": make_pack(
        [
            make_member(trial, model=model, factors=3 + trial, optimizer=optimizer)
            for trial, (model, optimizer) in enumerate(
                [("dot", "adam"), ("dot_bias", "adamw"), ("mlp", "adam"), ("mlp", "adagrad")]
            )
        ],
        steps=600,
        halving=HALVING,
        shuffle=True,
        label_noise_std=0.3,
        **POOL | {"data": "planted"},
    ),
    "dropout": make_pack(
        [
            make_member(
                trial, model=model, factors=4, depth=trial, activation="tanh", dropout=0.2 * trial
            )
            for trial, model in enumerate(["mlp", "neumf", "mlp", "neumf"])
        ],
        steps=600,
        halving=HALVING,
        shuffle=True,
        **POOL | {"data": "planted"},
    ),
    "betas of their own": make_pack(
        [
            make_member(
                trial,
                model=model,
                factors=3,
                optimizer=optimizer,
                beta_1=beta_1,
                beta_2=0.98,
                epsilon=1e-6,
            )
            for trial, (model, optimizer, beta_1) in enumerate(
                [("dot_bias", "adamw", 0.8), ("mlp", "adamw", 0.9), ("mlp", "adam", 0.0)]
            )
        ],
        steps=600,
        halving=HALVING,
        shuffle=True,
        **POOL | {"data": "planted"},
    ),
    "the full tensor of two modes": make_pack(
        [
            make_member(trial, model=model, factors=4, optimizer="adagrad", data_seed=trial)
            for trial, model in enumerate(["dot", "mlp", "mlp"])
        ],
        steps=600,
        halving=HALVING,
        shuffle=True,
        **POOL | {"data": "modes", "pairs_per_user": 40, "pairs": 1600},
    ),
    "a table of ratings": make_pack(
        [
            make_member(trial, model=model, factors=4, optimizer="adamw", data_seed=trial)
            for trial, model in enumerate(["dot_bias", "mlp", "neumf"])
        ],
        steps=600,
        halving=HALVING,
        **task_of(str(Path(__file__).parents[1] / "search_tests" / "ratings.csv")),
    ),
    "early stopping": make_pack(
        OWN,
        steps=300,
        data="fixed",
        pairs=64,
        shuffle=False,
        early_stopping=EarlyStopping(patience=3, min_delta=1e-3),
    ),
    "an epoch a step": make_pack(
        MIXED,
        steps=40,
        batch_size=32,
        data="fixed",
        pairs=32,
        shuffle=False,
        early_stopping=EarlyStopping(patience=2, min_delta=0.0),
    ),
}


class KeptStates:
    """A `Keep` of some of the states that it is offered, as bytes."""

    def __init__(self, wanted: Callable[[int], bool]) -> None:
        self.states: list[bytes] = []
        self.offers = 0
        self._wanted = wanted

    def __call__(self, state: Callable[[], PackState]) -> None:
        if self._wanted(self.offers):
            buffer = io.BytesIO()
            torch.save(state().to_plain(), buffer)
            self.states.append(buffer.getvalue())
        self.offers += 1


def loaded(content: bytes) -> PackState:
    return PackState.from_plain(torch.load(io.BytesIO(content), weights_only=True))


@pytest.fixture(params=["kernels", "tensors", "a GPU"])
def device(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> torch.device:
    """The processor with its engine and with that for GPUs, and a GPU where there is one."""

    def engine_for(
        pack: Pack, *, device: torch.device, dtype: torch.dtype, threads: int
    ) -> TensorEngine:
        return TensorEngine(pack, device=device, dtype=dtype)

    if request.param == "a GPU" and not torch.cuda.is_available():
        pytest.skip("needs a CUDA GPU")
    if request.param == "tensors":
        monkeypatch.setattr(training, "engine_for", engine_for)
    return torch.device("cuda") if request.param == "a GPU" else CPU


@pytest.mark.parametrize("pack", PACKS.values(), ids=PACKS)
def test_whoever_begins_at_a_state_makes_the_reports_that_are_left(
    pack: Pack, device: torch.device, request: pytest.FixtureRequest
) -> None:
    if pack.task.data in EMBEDDED_DATA and "kernels" not in request.node.name:
        pytest.skip("embeddings are trained on processors")
    whole = list(train(pack, device=device))
    every = KeptStates(lambda offer: offer % 3 == 0)
    assert list(train(pack, device=device, keep=every)) == whole  # to keep changes nothing
    assert len(every.states) > 3
    steps = []
    for content in every.states:
        state = loaded(content)
        steps.append(state.step)
        later = [report for report in whole if report.step > state.step]
        assert list(train(pack, device=device, begin=state)) == later
    assert steps == sorted(set(steps))
    marks = {report.step for report in whole}
    assert set(steps) - marks, "no state lies between two reports"


def test_a_pack_may_be_stopped_again_and_again(device: torch.device) -> None:
    pack = PACKS["own streams, halved"]
    whole = list(train(pack, device=device))
    reports: list[Report] = []
    state: PackState | None = None
    for _ in range(100):
        kept = KeptStates(lambda offer: offer == 1)
        going = train(pack, device=device, begin=state, keep=kept)
        for report in going:
            if kept.states:  # killed: what came after the state is lost
                break
            reports.append(report)
        if not kept.states:
            break
        state = loaded(kept.states[0])
        reports = [report for report in whole if report.step <= state.step]
    assert reports == whole


def test_the_rows_go_on_too() -> None:
    pack = PACKS["own streams, halved"]
    whole = _rows(pack)
    for report in whole.collect(train(pack, device=CPU)):
        del report
    for most in range(1, 4):
        kept: list[tuple[PackState, Any, tuple[float, float]]] = []
        first = _rows(pack)

        def keep(
            state: Callable[[], PackState], first: PackRows = first, kept: list[Any] = kept
        ) -> None:
            kept.append((state(), first.so_far, first.seconds))

        reports: Iterator[Report] = first.collect(train(pack, device=CPU, keep=keep))
        for _ in range(most):
            next(reports, None)
        state, so_far, seconds = kept[-1]
        second = _rows(pack)
        second.take(so_far, seconds=seconds)
        for report in second.collect(train(pack, device=CPU, begin=state)):
            del report
        assert _numbers(second) == _numbers(whole)
        assert all(row.pack_seconds > seconds[0] for row in second.result().trials)


def _rows(pack: Pack) -> PackRows:
    return PackRows(pack=pack, device="cpu", worker="w", execution=0, started_at=datetime.now(UTC))


def _numbers(rows: PackRows) -> Any:
    result = rows.result()
    measured = ("started_at", "train_seconds", "pack_seconds")
    trials = [
        {name: value for name, value in asdict(row).items() if name not in measured}
        for row in result.trials
    ]
    return trials, result.curves


def test_a_state_of_other_stacks_is_refused() -> None:
    kept = KeptStates(lambda offer: offer == 2)
    list(train(PACKS["a stream"], device=CPU, keep=kept))
    (content,) = kept.states
    others = make_pack([make_member(trial, width=30) for trial in range(5)], steps=230)
    with pytest.raises(StateMismatch):
        list(train(others, device=CPU, begin=loaded(content)))
