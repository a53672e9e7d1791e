"""The size of packs that a spec leaves to dottune: by its trials and the GPUs of a worker alone."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spaces import Spec, load_spec
from spaces.pack_size import GPU_PACK, PROCESSOR_PACK, chosen_pack_size, idle_gpu_note
from spaces.spec import Budget, Resources

TRIALS, GPUS = st.integers(1, 10**7), st.sampled_from([0.25, 1, 1.0, 2, 8])


@given(TRIALS, GPUS)
def test_a_gpu_has_the_largest_packs_that_leave_the_sampler_four(trials: int, gpus: float) -> None:
    size = chosen_pack_size(trials=trials, gpus=gpus)
    powers = [1 << power for power in range(20) if PROCESSOR_PACK <= 1 << power <= GPU_PACK]
    assert size == max([each for each in powers if 4 * each <= trials], default=PROCESSOR_PACK)


@given(GPUS)
def test_a_gpu_has_full_packs_where_nobody_knows_of_how_many(gpus: float) -> None:
    assert chosen_pack_size(trials=None, gpus=gpus) == GPU_PACK


@given(st.none() | TRIALS)
def test_a_processor_has_small_packs(trials: int | None) -> None:
    assert chosen_pack_size(trials=trials, gpus=0) == PROCESSOR_PACK


def spec_of(budget: Any, resources: Any) -> Spec:
    return load_spec({"name": "n", "grid": {"dimension": [2]}, "fixed": {"depth": 1}} | {
        name: section
        for name, section in {"budget": budget, "resources": resources}.items()
        if section is not None
    })  # fmt: skip


@pytest.mark.parametrize(
    ("budget", "resources", "expected"),
    [
        (None, None, 16),
        ({"trials": 2048}, {"gpus": 1}, 512),
        ({"trials": 2048, "pack_size": "auto"}, {"gpus": 0.5}, 512),
        ({"trials": 2048, "pack_size": "auto"}, {"gpus": 0}, 16),
        ({"trials": 2048, "pack_size": "auto"}, {"gpus": "auto"}, 16),
        ({"trials": 2048, "pack_size": 48}, {"gpus": 1}, 48),
        ({"pack_size": "auto"}, {"gpus": 1}, 16),
        (Budget(trials=1024), Resources(gpus=1), 256),
    ],
)
def test_a_loaded_spec_holds_the_number(budget: Any, resources: Any, expected: int) -> None:
    spec = spec_of(budget, resources)
    assert spec.budget.pack_size == expected
    assert load_spec(spec.to_mapping()) == spec


def test_more_trials_later_change_no_pack() -> None:
    spec = spec_of({"trials": 1024}, {"gpus": 1})
    later = load_spec(spec.to_mapping(), ["budget.trials=4096"])
    assert later.budget.pack_size == spec.budget.pack_size


def test_small_packs_on_a_gpu_are_told_of() -> None:
    assert idle_gpu_note(pack_size=16, trials=1024, gpus=1) == (
        "packs of 16 leave most of a GPU idle; with budget.pack_size=auto and resources.gpus=1 "
        "they have 256 trials"
    )
    for size, trials, gpus in [(16, 1024, 0), (128, 1024, 1), (16, 64, 1), (4, 1024, 0)]:
        assert idle_gpu_note(pack_size=size, trials=trials, gpus=gpus) is None
