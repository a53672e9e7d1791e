"""What a pack is said to need on a processor, against the tensors of one that trains."""

import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spaces.vocabulary import layers_text
from tests.trainables_tests.packs import make_member, make_pack, member_lists
from tests.trainables_tests.test_memory import live_bytes
from trainables import Member, Task, training
from trainables.families import family_of
from trainables.families.mlp import Mlp
from trainables.optimisers import OPTIMISERS, state_names
from trainables.processor import compiled_stack, kernels, pack_memory, panels
from trainables.processor.embedding_stack import EmbeddingStack
from trainables.processor.pack_memory import MemberShape, pack_bytes
from trainables.sources import batches
from trainables.trainee import Trainee

pytestmark = pytest.mark.usefixtures("only_new_objects")
SMALL_BYTES = 600
"""Of a member: sums, settings and a table of its schedule."""


def shape_of(member: Member) -> MemberShape:
    mlp = Mlp.of(member)
    return MemberShape(
        multiplication=mlp.multiplication,
        depth=mlp.depth,
        width=mlp.width,
        activation=mlp.activation,
        optimizer=member.optimizer,
    )


def test_the_constants_are_those_of_the_engine() -> None:
    assert (pack_memory.LANES, pack_memory.PANEL) == (kernels.LANES, kernels.PANEL)
    assert pack_memory.SLICE_PANELS == panels.SLICE_PANELS
    assert pack_memory.BLOCK_STEPS == batches.BLOCK_STEPS
    assert pack_memory.ROW_BLOCK_STEPS == batches.ROW_BLOCK_STEPS
    assert pack_memory.EVALUATION_PAIRS == batches.EVALUATION_CHUNK * batches.EVALUATION_CHUNKS
    assert {name: len(state_names(name)) for name in OPTIMISERS} == pack_memory.STATES
    assert pack_memory.ACTIVATIONS_WITH_DERIVATIVE == kernels.ACTIVATIONS_WITH_DERIVATIVE
    assert pack_memory.LAZY_NUMBERS == kernels.LAZY_NUMBERS
    assert pack_memory.SCHEDULE_NUMBERS == kernels.SCHEDULE_NUMBERS


@given(members=member_lists(), dimension=st.integers(1, 6))
def test_parameters_are_those_of_the_family(members: list[Member], dimension: int) -> None:
    for member in members:
        expected = family_of(member).parameters(member, Task(dimension=dimension))
        assert shape_of(member).parameters(dimension) == expected


@given(units=st.lists(st.integers(1, 30), max_size=5), dimension=st.integers(1, 6))
def test_layers_of_any_sizes_have_their_parameters(units: list[int], dimension: int) -> None:
    member = make_member(layer_sizes=layers_text(units))
    shape = replace(shape_of(member), layers=tuple(units))
    assert shape.parameters(dimension) == family_of(member).parameters(
        member, Task(dimension=dimension)
    )


def most_bytes(members: list[Member], *, threads: int, **pack: Any) -> int:
    """The most that lives at once while a pack trains, beyond what lived before."""
    before, seen = live_bytes(), dict[str, int]()

    def watched(name: str, call: Any) -> Any:
        def watching(*arguments: Any) -> Any:
            result = call(*arguments)
            if name not in seen:  # the first time is like all others, and looking takes its time
                seen[name] = live_bytes()
            return result

        return watching

    with pytest.MonkeyPatch.context() as patch:
        for owner, name in (
            (compiled_stack.CompiledStack, "unload"),
            (compiled_stack._CompiledEvaluator, "add"),
        ):
            patch.setattr(owner, name, watched(name, getattr(owner, name)))
        patch.setattr(training, "SELECTION_PAIRS", batches.RUNG_PAIRS)  # sooner, in equal memory
        for _ in training.train(
            make_pack(members, steps=1, **pack), device=torch.device("cpu"), threads=threads
        ):
            pass
    return max(seen.values()) - before


@settings(max_examples=6, deadline=None)
@given(
    members=member_lists(),
    dimension=st.integers(1, 6),
    batch_size=st.integers(1, 3000),
    label_noise_std=st.sampled_from([0.0, 0.1]),
    threads=st.integers(1, 3),
)
def test_a_pack_holds_what_is_foretold(
    members: list[Member], dimension: int, batch_size: int, label_noise_std: float, threads: int
) -> None:
    check(members, dimension, batch_size, label_noise_std, threads)


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_a_pack_of_wide_members_holds_what_is_foretold(optimizer: str) -> None:
    members = [
        make_member(trial, width=500, depth=2, activation="gelu", optimizer=optimizer)
        for trial in range(3)
    ]
    check(members, 4, 100, 0.0, 2)


def check(
    members: list[Member], dimension: int, batch_size: int, label_noise_std: float, threads: int
) -> None:
    streams = len({member.data_seed for member in members})
    used = most_bytes(
        members,
        threads=threads,
        dimension=dimension,
        batch_size=batch_size,
        label_noise_std=label_noise_std,
    )
    foretold = pack_bytes(
        [(1, shape_of(member)) for member in members],
        dimension=dimension,
        batch_size=batch_size,
        streams=streams,
        label_noise=label_noise_std > 0,
        threads=threads,
    )
    summed_labels = 2 * 8 * streams * pack_memory.EVALUATION_PAIRS  # after the moments looked at
    assert foretold - summed_labels <= used + SMALL_BYTES
    assert used <= foretold + SMALL_BYTES * len(members)


@pytest.mark.parametrize("optimizer", ["adam", "adamw"])
@pytest.mark.parametrize("own", [False, True])
def test_schedules_of_betas_are_foretold(optimizer: str, own: bool) -> None:
    """Of members on embeddings: one for each pair of betas; and which weights are decayed."""
    members, steps = 5, 20_000
    kinds = [
        make_member(
            trial,
            factors=8,
            width=30,
            optimizer=optimizer,
            beta_1=0.9 if trial == 0 or not own else 0.5 + trial / 100,
        )
        for trial in range(members)
    ]
    planted: dict[str, Any] = {
        "data": "planted",
        "users": 50,
        "items": 40,
        "pairs_per_user": 4,
        "pairs": 180,
    }
    task = Task(dimension=2, shuffle=True, **planted)
    trainees = [Trainee.start(each, task, torch.device("cpu"), torch.float32) for each in kinds]
    before = live_bytes()
    stack = EmbeddingStack(trainees, steps_done=0, steps=steps, dtype=torch.float32, threads=1)
    used = live_bytes() - before
    shape = replace(shape_of(kinds[0]), factors=8, rows=90)
    common: dict[str, Any] = {
        "dimension": 2,
        "batch_size": 32,
        "streams": 1,
        "label_noise": False,
        "threads": 1,
    }
    foretold = [
        pack_bytes([(members, each)], **common, steps=steps, schedules=schedules)
        for each, schedules in (
            (shape, members if own else 1),
            (replace(shape, optimizer="adam"), 0),
        )
    ]
    states = sum(each.numel() * each.element_size() for each in stack.numbers())
    difference = foretold[0] - foretold[1]
    assert difference <= used - states + SMALL_BYTES
    assert used - states <= difference + SMALL_BYTES * members


def test_neither_torch_nor_llvm_is_needed() -> None:
    code = "import sys, search.memory_need; print({'torch', 'llvmlite'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
