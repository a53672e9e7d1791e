"""Dropout: its random words, what is made of them, and the kernel that makes them again."""

import platform

import numpy
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.trainables_tests.test_kernels import HASWELL
from trainables.families.dropout import (
    Dropout,
    begin_step,
    dropout_factors,
    dropout_threshold,
)
from trainables.philox import philox
from trainables.processor.compiled_member import address, bits
from trainables.processor.kernels import PANEL, Processor, Program, embedding_kernels

X86_FMA = platform.machine().lower() in ("x86_64", "amd64") and "+fma" in Processor.host().features
PROCESSORS = [None, pytest.param(HASWELL, marks=pytest.mark.skipif(not X86_FMA, reason="not x86"))]
WORD = 2**32 - 1


def words_by_hand(counter: list[int], seed: int) -> list[int]:
    """Philox4x32-10 in Python's integers, as Salmon et al. 2011 write it (section 3.3).

    A round takes (R, L) of each half through a multiplier; the key goes on by Weyl's sequence.
    """
    l0, r0, l1, r1 = counter
    for number in range(10):
        key = [(seed & WORD) + number * 0x9E3779B9, (seed >> 32) + number * 0xBB67AE85]
        first, second = divmod(l0 * 0xD2511F53, 2**32), divmod(l1 * 0xCD9E8D57, 2**32)
        l0, r0 = second[0] ^ r0 ^ key[0] % 2**32, second[1]
        l1, r1 = first[0] ^ r1 ^ key[1] % 2**32, first[1]
    return [l0, r0, l1, r1]


def words_of(counter: list[int], seed: int) -> list[int]:
    return [int(word) for word in philox([torch.tensor(each) for each in counter], seed)]


@pytest.mark.parametrize(
    ("counter", "seed", "words"),
    [
        ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c"),
        ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6"),
        ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420"),
    ],
)
def test_the_words_are_the_published_ones(counter: str, seed: str, words: str) -> None:
    """Known answers of Random123 1.14, the authors' own library: kat_vectors, philox4x32 10."""
    numbers = [[int(word, 16) for word in text.split()] for text in (counter, seed, words)]
    place, (low, high), expected = numbers
    assert words_of(place, low + (high << 32))[:3] == expected
    assert words_by_hand(place, low + (high << 32))[:3] == expected


word = st.integers(0, WORD)


@given(counter=st.lists(word, min_size=4, max_size=4), seed=st.integers(0, 2**63 - 1))
def test_the_words_are_those_of_plain_integers(counter: list[int], seed: int) -> None:
    assert words_of(counter, seed) == words_by_hand(counter, seed)


@given(
    seed=st.integers(0, 2**63 - 1),
    step=st.integers(0, 10**6),
    layer=st.integers(0, 30),
    pair=st.integers(0, 8),
    unit=st.integers(0, 8),
    probability=st.floats(0, 1, exclude_max=True),
)
def test_a_unit_is_dropped_by_the_word_of_its_place(
    seed: int, step: int, layer: int, pair: int, unit: int, probability: float
) -> None:
    factors = dropout_factors(probability, seed=seed, step=step, layer=layer, pairs=9, units=9)
    words = words_by_hand([pair, unit // 4, layer, step], seed)
    kept = words[unit % 4] / 2**32 >= probability or words[unit % 4] == dropout_threshold(
        probability
    )
    assert float(factors[pair, unit]) == pytest.approx(kept / (1 - probability), rel=1e-15)


@pytest.mark.parametrize("processor", PROCESSORS)
@pytest.mark.parametrize("number", ["float32", "float64"])
def test_the_kernel_multiplies_with_the_plain_module_s_factors(
    number: str, processor: Processor | None
) -> None:
    """Whatever the number of units, the slice, the step of a block and those before it."""
    kernels = embedding_kernels("relu", "adam", number, processor)
    dtype = getattr(torch, number)
    for units, panels, first, layer, seed, done, probability in [
        (1, 1, 0, 0, 0, 0, 0.5),
        (6, 2, 256, 3, 2**63 - 1, 1000, 0.9),
        (100, 1, 512, 1, 2**40 + 7, 2**32 - 2, 1e-3),
        (7, 4, 0, 2, 12345, 63, 1 - 2**-53),
    ]:
        steps = 3
        inputs = torch.rand(panels, units, PANEL, dtype=dtype) + 1
        outputs, before = torch.full_like(inputs, torch.nan), torch.tensor([done])
        operation = kernels.operation(
            "dropout",
            inputs_pointer=address(inputs),
            outputs_pointer=address(outputs),
            units=units,
            panels=panels,
            first=first,
            layer=layer,
            seed=seed,
            done_pointer=address(before),
            threshold=dropout_threshold(probability),
            scale=bits(1 / (1 - probability)),
        )
        Program(kernels, [operation]).run(steps)  # what the last of the steps makes stands there
        factors = dropout_factors(
            probability,
            seed=seed,
            step=done + steps - 1,
            layer=layer,
            pairs=first + panels * PANEL,
            units=units,
        )
        expected = inputs * factors[first:].view(panels, PANEL, units).transpose(1, 2).to(dtype)
        assert torch.equal(outputs, expected)


SHAPE = {"seeds": 3, "steps": 20, "layers": 3, "pairs": 70, "units": 61}


@pytest.fixture(scope="module", params=[0.1, 0.5])
def dropped(request: pytest.FixtureRequest) -> tuple[float, NDArray[numpy.float64]]:
    """Which units are dropped (seeds, steps, layers, pairs, units), of seeds side by side."""
    factors = [
        [
            [
                dropout_factors(
                    request.param, seed=seed, step=step, layer=layer, pairs=70, units=61
                )
                for layer in range(SHAPE["layers"])
            ]
            for step in range(SHAPE["steps"])
        ]
        for seed in range(7, 7 + SHAPE["seeds"])
    ]
    stacked = torch.stack([torch.stack([torch.stack(each) for each in of]) for of in factors])
    return request.param, (stacked == 0).double().numpy()


STANDARD_ERRORS = 5.5
"""How far a count may lie from its mean: one of some thousand does so in ten million."""


@pytest.mark.parametrize("kept", [(), (0,), (1,), (2,), (3,), (4,), (2, 4), (0, 1, 2)])
def test_the_share_dropped_is_the_probability(
    dropped: tuple[float, NDArray[numpy.float64]], kept: tuple[int, ...]
) -> None:
    """Overall, and of each unit, pair, layer, step and seed: within the bounds of a binomial."""
    probability, masks = dropped
    axes = tuple(axis for axis in range(masks.ndim) if axis not in kept)
    count = numpy.prod([masks.shape[axis] for axis in axes])
    deviations = (masks.mean(axis=axes) - probability) * numpy.sqrt(
        count / (probability * (1 - probability))
    )
    assert numpy.abs(deviations).max() < STANDARD_ERRORS
    if deviations.size >= 20:  # and they scatter as those of a binomial, neither more nor less
        assert deviations.std() == pytest.approx(
            1, abs=STANDARD_ERRORS / (2 * deviations.size) ** 0.5
        )


@pytest.mark.parametrize(
    ("axis", "distance"),
    [(0, 1), (0, 2), (1, 1), (1, 4), (1, 16), (2, 1), (3, 1), (3, 16), (3, 64)]
    + [(4, distance) for distance in (1, 2, 3, 4, 8, 16)],
)
def test_neighbours_are_dropped_independently(
    dropped: tuple[float, NDArray[numpy.float64]], axis: int, distance: int
) -> None:
    """Of seeds, steps, layers, pairs and units so far apart."""
    probability, masks = dropped
    moved = numpy.moveaxis(masks, axis, 0)
    left, right = moved[:-distance] - probability, moved[distance:] - probability
    products = left * right / (probability * (1 - probability))
    assert abs(products.mean()) * products.size**0.5 < STANDARD_ERRORS


def test_what_is_put_out_has_the_same_mean() -> None:
    layer = Dropout(0.3, seed=5, layer=0)
    outputs = torch.rand(64, 50, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    total = torch.zeros_like(outputs)
    steps = 400
    for step in range(steps):
        begin_step(layer, step)
        total += layer(outputs)
    error = (total / steps - outputs) / outputs / (0.3 / 0.7 / steps) ** 0.5
    assert error.abs().max() < STANDARD_ERRORS


def test_an_evaluation_knows_no_dropout() -> None:
    layer = Dropout(0.9, seed=5, layer=0)
    outputs = torch.rand(64, 50)
    layer.eval()
    assert torch.equal(layer(outputs), outputs)


@settings(max_examples=20, deadline=None)
@given(pairs=st.integers(1, 300), units=st.integers(1, 40), more=st.integers(1, 100))
def test_a_place_s_bits_do_not_depend_on_how_many_places_there_are(
    pairs: int, units: int, more: int
) -> None:
    def factors(pairs: int, units: int) -> torch.Tensor:
        return dropout_factors(0.4, seed=3, step=9, layer=1, pairs=pairs, units=units)

    assert torch.equal(factors(pairs + more, units + more)[:pairs, :units], factors(pairs, units))
